# %% [markdown]
# # A combustion table as a network in a Fortran loop
#
# Codes that compute flames look the rate of reaction up in a table, at every cell and step. A network takes its place:
# it is smooth, small, and has derivatives. It is trained here, exported as a Fortran module, and put into the loop of
# a flame that runs through a tube of gas. It needs gfortran.

# %%
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import distnn
from distnn.inference.export import export


def rate(temperature, fuel):
    """Arrhenius, made dimensionless: temperature from 0, cold, to 1, burnt; fuel from 1 to 0. Zel'dovich number 8."""
    return 32 * fuel * np.exp(-8 * (1 - temperature) / (1 - 0.8 * (1 - temperature)))


generator = np.random.default_rng(0)
table = generator.uniform([-0.05, -0.05], [1.1, 1.05], (2000, 2))
model = distnn.fit(table, rate(*table.T), hidden=(16,), max_iterations=150, fit_exactly=True).model
for path in export(model, ["fortran"], "reaction", overwrite=True):
    print(path)

# %% [markdown]
# ```text
# reaction.f90
# ```
#
# The loop does not know that a network is behind `reaction_values`: it is elemental, so it takes the whole tube at
# once. The same flame is computed with the formula, too, to compare.

# %%
PROGRAM = """
program flame
   use reaction
   implicit none
   integer, parameter :: cells = 200, steps = 2500
   real(8), parameter :: dx = 0.1d0, dt = 0.4d0 * dx**2
   real(8), dimension(0:cells + 1, 2) :: temperature, fuel  ! with the network, with the formula
   real(8), dimension(cells) :: w
   integer :: i, k, step

   do k = 1, 2
      temperature(:, k) = [(1d0 / (1d0 + exp((i * dx - 5d0) * 2)), i = 0, cells + 1)]
      fuel(:, k) = 1 - temperature(:, k)
      do step = 1, steps
         if (k == 1) w = reaction_values(temperature(1:cells, k), fuel(1:cells, k))
         if (k == 2) w = 32 * fuel(1:cells, k) * exp(-8 * (1 - temperature(1:cells, k)) / &
                                                     (1 - 0.8d0 * (1 - temperature(1:cells, k))))
         temperature(1:cells, k) = temperature(1:cells, k) + dt * (laplacian(temperature(:, k)) + w)
         fuel(1:cells, k) = fuel(1:cells, k) + dt * (laplacian(fuel(:, k)) - w)
         temperature(cells + 1, k) = temperature(cells, k)
         fuel(0, k) = fuel(1, k)
      end do
   end do
   do i = 1, cells
      print *, i * dx, temperature(i, :), fuel(i, :)
   end do
contains
   pure function laplacian(u)
      real(8), intent(in) :: u(0:)
      real(8) :: laplacian(cells)
      laplacian = (u(0:cells - 1) - 2 * u(1:cells) + u(2:cells + 1)) / dx**2
   end function
end program
"""
Path("main.f90").write_text(PROGRAM)
subprocess.run(["gfortran", "-O2", "reaction.f90", "main.f90", "-o", "flame"], check=True)
done = subprocess.run(["./flame"], check=True, capture_output=True, text=True)
x, T, T_formula, fuel, fuel_formula = np.array([line.split() for line in done.stdout.splitlines()], float).T

place, place_formula = (np.interp(-0.5, -curve, x) for curve in (T, T_formula))
print(f"the flame is at {place:.2f}, with the formula at {place_formula:.2f}")
print(f"temperatures differ by {np.abs(T - T_formula).max():.3f} at most")
assert place_formula > 8
assert abs(place - place_formula) < 0.3

# %% [markdown]
# ```text
# the flame is at 1..., with the formula at 1...
# temperatures differ by 0.0... at most
# ```

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
t, y = np.meshgrid(np.linspace(0, 1.05, 61), np.linspace(0, 1, 61))
shown = axes[0].contourf(t, y, model(np.column_stack([t.ravel(), y.ravel()])).reshape(t.shape), 20, cmap="inferno")
axes[0].plot(T, fuel, color="white")
axes[0].set(xlabel="temperature", ylabel="fuel", title="the rate that was learnt, and the flame's way", xlim=(0, 1.05))
figure.colorbar(shown, ax=axes[0])
axes[1].plot(x, T, "C3", label="temperature")
axes[1].plot(x, fuel, "C0", label="fuel")
axes[1].plot(x, T_formula, "k:", x, fuel_formula, "k:", label="with the formula")
axes[1].set(xlabel="x", title="the flame after 2,500 steps")
axes[1].legend(*(list(found[:3]) for found in axes[1].get_legend_handles_labels()))
figure.savefig("flame.png", dpi=60)

# %% [markdown]
# ![The rate with the states of the flame, and the flame beside that of the formula](flame.png)
