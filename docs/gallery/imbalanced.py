# %% [markdown]
# # A rare class
#
# One row in thirty is a fault. A network that always says "sound" is right 97 times in 100, and of no use. With
# `class_weights` each class weighs as much as the other, however few rows it has.

# %%
import matplotlib.pyplot as plt
import numpy as np

import distnn

generator = np.random.default_rng(3)


def measured(n):
    """Two sensors: sound parts about the middle, faults on an arc at the rim, and some of either among the others."""
    fault = generator.uniform(size=n) < 1 / 30
    angle, radius = generator.normal(0.8, 0.9, n), generator.normal(1.9, 0.35, n)
    arc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return np.where(fault[:, None], arc, generator.normal(0, 0.9, (n, 2))), np.where(fault, "fault", "sound")


X, y = measured(3000)
X_new, y_new = measured(3000)

# %%
models = {}
for name, weights in (("as they are", ()), ("balanced", ("balanced",)), ("faults × 10", ("fault=10", "sound=1"))):
    model = distnn.fit(X, y, hidden=(8,), class_weights=weights, weight_decay=1e-3, max_iterations=100).model
    said = model.classify(X_new)
    found = np.mean(said[y_new == "fault"] == "fault")
    print(f"{name:<12} {100 * np.mean(said == y_new):3.0f} % right, {100 * found:3.0f} % of the faults found")
    models[name] = model, found, np.mean(said[y_new == "sound"] == "fault")
assert models["as they are"][1] < 0.5 < 0.8 < models["balanced"][1]

# %% [markdown]
# ```text
# as they are   9... % right, ... % of the faults found
# balanced     ... % right, ... % of the faults found
# faults × 10  ... % right, ... % of the faults found
# ```
#
# What "right" counts falls as soon as faults count. Which weights are the right ones is no question to the data but of
# what a fault that is missed costs, and what a false alarm. The curve holds all choices of a limit for one model; the
# points are what the three trainings do at a probability of one half.

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
axes[0].plot(*X_new[y_new == "sound"].T, ".", color="silver", markersize=2)
axes[0].plot(*X_new[y_new == "fault"].T, ".", color="C3", markersize=4)
grid = np.linspace(-3, 3, 121)
x1, x2 = np.meshgrid(grid, grid)
balanced = models["balanced"][0]
fault = balanced(np.column_stack([x1.ravel(), x2.ravel()]))[:, 0].reshape(x1.shape)
axes[0].contour(x1, x2, fault, levels=[0.5], colors="C0")
axes[0].set(title="faults, and what balanced says", xlim=(-3, 3), ylim=(-3, 3))
order = np.argsort(-balanced(X_new)[:, 0])
faults = y_new[order] == "fault"
false, found = (np.cumsum(kind) / kind.sum() for kind in (~faults, faults))
axes[1].plot(false, found, color="C0", label="balanced, any limit")
for name, (_, found, false) in models.items():
    axes[1].plot(false, found, "o", label=name)
axes[1].set(xlabel="false alarms, of the sound", ylabel="faults found", title="rows that are new")
axes[1].legend()
figure.savefig("imbalanced.png", dpi=55)

# %% [markdown]
# ![Faults amid sound parts with the boundary found, and the ROC curve with the three trainings on it](imbalanced.png)
