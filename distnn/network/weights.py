"""The weights: all W^(l) one after another in one vector w, and each of them as a view of it."""

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
