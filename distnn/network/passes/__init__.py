"""Passes of a block through a network, up to s^(L) and from δ^(L) down to G: by numpy, layer by layer (layerwise.py),
or in compiled code, all layers at once (fused.py) or in tiles (tiled.py).

To add a way: a file here with a class that is a `Passes`, and its place in BACKENDS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from distnn.kernels.blocks import Block
from distnn.network.activations import Activation
from distnn.network.error_functions import ErrorFunction
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled


class Passes(Protocol):
    """Forward propagation and backpropagation of a block, in one or more pieces of its columns. Local.

    d: the architecture. theta: θ of the hidden layers. dtype: of all arrays but w.
    """

    def __init__(self, d: Sequence[int], theta: Activation, dtype: np.dtype): ...

    @classmethod
    def serves(cls, d: Sequence[int], theta: Activation) -> bool:
        """Whether these passes can be used for a network here. UserError for a bad value of DISTNN_FUSED."""

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|, not to be changed meanwhile) from now on, rounded to the blocks' dtype."""

    def forward(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Piece by piece: the columns, and their s^(L), which is overwritten afterwards."""

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """

    def in_one_call(self, error: ErrorFunction, block: Block, G: np.ndarray | None) -> float | None:
        """Σ_i weight_i e_i, whose gradient is written to G, if any; None where that takes the methods above."""


BACKENDS: tuple[type[Passes], ...] = (Fused, Tiled, Layerwise)  # the fastest first; the last one serves all networks


def passes(d: Sequence[int], theta: Activation, dtype: np.dtype) -> Passes:
    """The fastest passes that there are for a network. Local. UserError for a bad value of DISTNN_FUSED."""
    return next(backend for backend in BACKENDS if backend.serves(d, theta))(d, theta, dtype)
