# %% [markdown]
# # The potential of a molecule, with its forces
#
# Three argon atoms, whose energy is a sum of Lennard-Jones potentials over pairs: cheap to compute, so that energies
# and forces of the network can be checked everywhere. With energies from quantum chemistry nothing else would change.

# %%
import matplotlib.pyplot as plt
import numpy as np

import distnn

PAIRS = [(0, 1), (0, 2), (1, 2)]


def distances(places):
    """The three distances, n × 3, of n molecules, n × 3 × 3."""
    return np.stack([np.linalg.norm(places[:, i] - places[:, j], axis=1) for i, j in PAIRS], axis=1)


def energy(places):
    """In units of the well's depth; distances in units of σ."""
    r = distances(places)
    return np.sum(4 * (r**-12 - r**-6), axis=1)


def forces(places):
    r = distances(places)
    return to_atoms(places, r, 24 * (2 * r**-13 - r**-7))


def to_atoms(places, r, along):
    """Forces on the atoms, n × 3 × 3, from -∂E/∂r of each distance, n × 3: the chain rule."""
    found = np.zeros_like(places)
    for k, (i, j) in enumerate(PAIRS):
        pull = (along[:, k] / r[:, k])[:, None] * (places[:, i] - places[:, j])
        found[:, i] += pull
        found[:, j] -= pull
    return found


def molecules(n, generator):
    """n molecules near the triangle of least energy, turned and shaken; those whose atoms overlap are left out."""
    triangle = 1.12 * np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]])
    places = triangle + generator.normal(0, 0.12, (4 * n, 3, 3))
    return places[distances(places).min(axis=1) > 0.95][:n]


# %% [markdown]
# Energies do not change when the molecule is moved, turned or mirrored, nor when two atoms of a kind change places. The
# inputs see to that: 1/r of the three distances, in order of size, which is the same for all of these.


# %%
def inputs(places):
    return np.sort(1 / distances(places), axis=1)


places = molecules(2000, np.random.default_rng(0))
fit = distnn.fit(inputs(places), energy(places), hidden=(15,), max_iterations=150, fit_exactly=True)
model = fit.model

# %% [markdown]
# Forces are derivatives. `model.derivative` gives those by the inputs, exactly, and the chain rule does the rest: from
# inputs to distances, whose order is undone, and from distances to atoms.

# %%
new = molecules(500, np.random.default_rng(1))
r = distances(new)
order = np.argsort(1 / r, axis=1)
by_input = np.empty_like(r)
np.put_along_axis(by_input, order, model.derivative(inputs(new))[:, 0, :], axis=1)
F = to_atoms(new, r, by_input / r**2)

E, E_true, F_true = model(inputs(new))[:, 0], energy(new), forces(new)
print(f"energies: from {E_true.min():.2f} to {E_true.max():.2f}, root mean square error {np.std(E - E_true):.1e}")
print(f"forces: up to {np.abs(F_true).max():.0f}, root mean square error {np.sqrt(np.mean((F - F_true) ** 2)):.1e}")
assert np.std(E - E_true) < 0.02
assert np.abs(F.sum(axis=1)).max() < 1e-9, "the molecule does not push itself"

# %% [markdown]
# ```text
# energies: from -2.96 to 4.53, root mean square error ...e-03
# forces: up to 95, root mean square error ...
# ```

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.5), layout="constrained")
for axis, true, found, name in ((axes[0], E_true, E, "energy"), (axes[1], F_true.ravel(), F.ravel(), "force")):
    axis.plot(true, found, ".", markersize=2)
    axis.axline((0, 0), slope=1, color="gray", linewidth=0.8)
    axis.set(xlabel=f"{name}, Lennard-Jones", ylabel=f"{name}, the network")
figure.savefig("molecule.png", dpi=60)

# %% [markdown]
# ![Energies and forces of the network against those of the formula, for molecules that are new](molecule.png)
