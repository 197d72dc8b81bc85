"""Forward propagation: from x^(0) to s^(L)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distnn.kernels import products
from distnn.network.activations import Activation


def forward(W: Sequence[np.ndarray], x: Sequence[np.ndarray], s: np.ndarray, theta: Activation) -> None:
    """Forward propagation: s^(l) = W^(l)ᵀ x^(l-1), x^(l) = [1; θ(s^(l))], for examples in columns.

    x: x^(0), …, x^(L-1), each (d^(l)+1) × rows with row 0 of ones; x^(1) and up are written, below that row.
    s: receives s^(L), d^(L) × rows.
    """
    for W_l, below, above in zip(W, x, x[1:], strict=False):
        products.signals(W_l, below, above[1:])
        theta.apply(above[1:])
    products.signals(W[-1], x[-1], s)
