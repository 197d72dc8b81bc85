# %% [markdown]
# # A smooth surface, and how far a surrogate is from it
#
# A function that is dear to compute is computed some hundred times; a network that has learnt these values stands in
# for it from then on. Here the function is cheap and known, Franke's, two hills and a dip, so that the error of the
# surrogate can be seen everywhere.

# %%
import matplotlib.pyplot as plt
import numpy as np

import distnn


def franke(x, y):
    return (
        0.75 * np.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
        + 0.75 * np.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
        + 0.5 * np.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
        - 0.2 * np.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)
    )


points = np.random.default_rng(0).uniform(0, 1, (500, 2))
values = franke(*points.T)

# %% [markdown]
# A small network and a sum of squares: distnn takes Levenberg-Marquardt by itself, which comes much closer to a smooth
# function than steps along the gradient do. There is no noise, as `fit_exactly` says, so nothing has to be done
# against learning it by heart; the error is looked at on a grid of points of which none was trained on.

# %%
model = distnn.fit(points, values, hidden=(30,), max_iterations=150, fit_exactly=True).model

grid = np.linspace(0, 1, 101)
x, y = np.meshgrid(grid, grid)
truth = franke(x, y)
surrogate = model(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
error = np.abs(surrogate - truth)
print(f"the surface goes from {truth.min():.2f} to {truth.max():.2f}")
print(f"root mean square error {np.sqrt(np.mean(error**2)):.1e}, largest {error.max():.1e}")
assert error.max() < 0.03

# %% [markdown]
# ```text
# the surface goes from 0.00 to 1.22
# root mean square error ...e-03, largest ...e-02
# ```
#
# The error is largest about the hills and the dip, where the function bends most, and at the rim, where points lie on
# one side only: a surrogate is for the inside of its data.

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, z, title in zip(axes, (truth, surrogate), ("the function", "the surrogate"), strict=False):
    shown = axis.contourf(x, y, z, levels=np.linspace(0, 1.25, 26), cmap="viridis")
    axis.set_title(title)
figure.colorbar(shown, ax=axes[:2])
axes[1].plot(*points.T, ".", color="white", markersize=1)
shown = axes[2].contourf(x, y, np.log10(error + 1e-8), levels=np.arange(-6, -0.9, 0.5), cmap="magma", extend="both")
axes[2].set_title("log₁₀ of the error")
figure.colorbar(shown, ax=axes[2])
figure.savefig("surface.png", dpi=60)

# %% [markdown]
# ![Franke's function, the surrogate with the points it was trained on, and the error](surface.png)
