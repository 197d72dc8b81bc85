# %% [markdown]
# # Exclusive-or, and the boundary that is learnt
#
# The picture of the lecture: two lines, h₁ and h₂, cut the square into four parts, of which two opposite ones are +1
# and the others -1. One perceptron cannot tell them apart, since no single line can; three can, in two layers. The
# same table is built in: it is what `python -m distnn.train` learns without `--data`.

# %%
import matplotlib.pyplot as plt
import numpy as np

import distnn

generator = np.random.default_rng(0)
X = generator.uniform(-1, 1, (2000, 2))
h1 = np.sign(0.1 + X[:, 0] - 0.5 * X[:, 1])
h2 = np.sign(-0.1 + 0.5 * X[:, 0] + X[:, 1])
y = np.where(h1 != h2, 1.0, -1.0)

# %% [markdown]
# d = [2, 2, 2, 1] is the lecture's network: the lines, then AND(h₁, NOT h₂) and AND(NOT h₁, h₂), then OR; with tanh in
# place of the sign, so that there is a gradient. So small a network gets stuck from most random weights; of several
# seeds the one with the lowest E_in is taken. One with 16 hidden units in one layer has no such trouble.

# %%
models = []
for hidden, seeds in ((2, 2), range(6)), ((16,), range(1)):
    options = {"hidden": hidden, "output_theta": "tanh", "max_iterations": 100}
    fits = [distnn.fit(X, y, seed=seed, **options) for seed in seeds]
    best = min(fits, key=lambda fit: fit.records[-1].E_in)
    wrong = np.mean(np.sign(best.model(X)[:, 0]) != y)
    print(f"d = {best.model.network.d}: E_in {best.records[-1].E_in:.4f}, {100 * wrong:.1f} % wrong")
    assert wrong < 0.02
    models.append(best.model)

# %% [markdown]
# ```text
# d = (2, 2, 2, 1): E_in 0.0..., ... % wrong
# d = (2, 16, 1): E_in 0.0..., ... % wrong
# ```
#
# The boundary, where the output is 0, lies on the lines, which neither network was told.

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.8), layout="constrained", sharey=True)
grid = np.linspace(-1, 1, 201)
x1, x2 = np.meshgrid(grid, grid)
for axis, model in zip(axes, models, strict=True):
    output = model(np.column_stack([x1.ravel(), x2.ravel()])).reshape(x1.shape)
    axis.contourf(x1, x2, output, levels=np.linspace(-1.2, 1.2, 13), cmap="RdBu_r", alpha=0.7, extend="both")
    axis.contour(x1, x2, output, levels=[0], colors="black")
    axis.plot(grid, 2 * (0.1 + grid), "--", grid, 0.1 - 0.5 * grid, "--", color="green", linewidth=1)
    axis.plot(*X[y > 0][:150].T, "+", *X[y < 0][:150].T, "_", color="black", markersize=4)
    axis.set(title=f"d = {model.network.d}", xlabel="x₁", xlim=(-1, 1), ylim=(-1, 1))
axes[0].set_ylabel("x₂")
figure.savefig("exclusive_or.png", dpi=60)

# %% [markdown]
# ![The output over the plane, its boundary in black, and the lines of the lecture, dashed](exclusive_or.png)
