"""The weights: all W^(l) one after another in one vector w, each of them as a view of it; biases, and groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def shapes(d: Sequence[int]) -> list[tuple[int, int]]:
    """The shapes (d^(l-1)+1) × d^(l) of W^(1), …, W^(L); row 0 belongs to the bias node."""
    return [(below + 1, above) for below, above in pairwise(d)]


def layers(w: np.ndarray, d: Sequence[int]) -> list[np.ndarray]:
    """W^(1), …, W^(L) as views of the vector w."""
    views, start = [], 0
    for rows, columns in shapes(d):
        views.append(w[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return views


def weight_count(d: Sequence[int]) -> int:
    """|W|, bias rows included."""
    return sum(rows * columns for rows, columns in shapes(d))


def decay_mask(d: Sequence[int]) -> np.ndarray:
    """1 for each weight, 0 for those of bias nodes: float64 (|W|,)."""
    mask = np.ones(weight_count(d))
    for W in layers(mask, d):
        W[0] = 0
    return mask


def weight_groups(d: Sequence[int]) -> np.ndarray:
    """The group of each weight, int (|W|,): biases and weights of each layer, those of the first layer input by input.

    Without hidden layers there are two groups: an input that tells little has a small weight anyway.
    """
    groups = np.zeros(weight_count(d), int)
    own, count = len(d) > 2, 0
    for W in layers(groups, d):
        members = np.arange(1, len(W)) if own else np.ones(len(W) - 1, int)
        W[0], W[1:] = count, (count + members)[:, None]
        count, own = count + int(members[-1]) + 1, False
    return groups
