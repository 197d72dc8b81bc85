"""A step of Adam in compiled code, in one pass over the weights: adam.h."""

from __future__ import annotations

import numpy as np

from distnn.kernels.arrays import compiled
from distnn.kernels.memory import beginning, rows_at


def adam_step(
    numbers: tuple[float, ...],
    w: np.ndarray,
    G: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    decayed: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """w, m and v after the step of `Adam` of optimizers/adam.py, to the same bits; None where numpy computes. Local.

    numbers: β1, β2, 1 - β1^(t+1), 1 - β2^(t+1), ε, the decoupled decay and η_t. All arrays: float64 (|W|,);
    decayed: 1 for the weights that decay, 0 for others; None where none do.
    """
    function = compiled("adam", w.dtype)
    if function is None:
        return None
    decayed = None if decayed is None else np.ascontiguousarray(decayed)
    before = [np.ascontiguousarray(a) for a in (np.array(numbers), w, G, m, v)]
    after = np.empty_like(w), np.empty_like(w), np.empty_like(w)
    function(w.size, *map(beginning, before), rows_at(decayed)[0], *map(beginning, after))
    return after
