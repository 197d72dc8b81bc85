# %% [markdown]
# # Handwritten digits
#
# scikit-learn carries 1,797 digits of 8 × 8 pixels. Which does a network of 40 hidden units read wrong, and how sure
# was it? The same on the command line, under mpirun, is in [Example: handwritten digits](../digits.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import distnn

digits = load_digits()
X, X_new, y, y_new = train_test_split(digits.data, digits.target.astype(str), random_state=0)

# %% [markdown]
# Labels that are words make classes: an output for each, softmax and cross-entropy. The decay keeps weights of pixels
# that are nearly always white from growing. E_val, of a fifth of the rows, says when to stop.

# %%
model = distnn.fit(X, y, hidden=(40,), weight_decay=1e-3, validation=0.2, patience=20).model
read = model.classify(X_new)
sure = model(X_new).max(axis=1)
right = np.mean(read == y_new)
print(f"{100 * right:.1f} % of {len(y_new)} new digits are right")
print(f"mean probability {sure[read == y_new].mean():.2f} where right, {sure[read != y_new].mean():.2f} where wrong")
assert right > 0.94

# %% [markdown]
# ```text
# 9... % of 450 new digits are right
# mean probability 0.9... where right, 0... where wrong
# ```
#
# Where it is wrong it is also less sure, so that a limit on the probability finds most of what a human should read.

# %%
figure, axes = plt.subplots(1, 8, figsize=(9, 1.7), layout="constrained")
doubtful = np.argsort(sure + 10 * (read == y_new))
for axis, k in zip(axes, doubtful, strict=False):
    axis.imshow(X_new[k].reshape(8, 8), cmap="gray_r")
    axis.set_title(f"{read[k]}, is {y_new[k]}\n{100 * sure[k]:.0f} %")
    axis.axis("off")
figure.savefig("digits.png", dpi=90)

# %% [markdown]
# ![Digits that were read wrong, with what was read and the probability that it had](digits.png)
