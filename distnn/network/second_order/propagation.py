"""Forward propagation of whole blocks: what all sums of second order begin with, once for all of them at the same w."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty
from distnn.network.backpropagation import Backpropagation
from distnn.network.forward import forward

KEPT_BYTES = 64 << 20  # memory for what is kept


class Propagated(NamedTuple):
    """A block, and what forward propagation has made of it, not to be changed. Local.

    x: x^(0), …, x^(L-1), each with its row of ones; s: s^(L), d^(L) × rows.
    """

    block: Block
    x: list[np.ndarray]
    s: np.ndarray


def propagated(backpropagation: Backpropagation, block: Block) -> Propagated:
    """The block propagated forward by the weights that `backpropagation` has loaded. Local."""
    width, dtype = block.x.shape[1], backpropagation.dtype
    x = [block.x, *(empty(above + 1, width, dtype) for above in backpropagation.d[1:-1])]
    for above in x[1:]:
        above[0] = 1
    s = empty(backpropagation.d[-1], width, dtype)
    forward(backpropagation.W, x, s, backpropagation.theta)
    return Propagated(block, x, s)


class Propagation:
    """`propagated` of blocks, of which the first ones are kept, up to KEPT_BYTES, until other weights are used. Local.

    So they are for a step of Levenberg-Marquardt, or for all products with one Hessian. Blocks in a file are not kept.
    """

    def __init__(self, backpropagation: Backpropagation):
        self.backpropagation = backpropagation
        self._w = np.full(0, np.nan)
        self._blocks: Sequence[Block] = ()
        self._kept: dict[int, Propagated] = {}
        self._room = 0

    def __call__(self, blocks: Sequence[Block], j: int) -> Propagated:
        """Block j, by the weights that `backpropagation` has loaded."""
        w = self.backpropagation.w
        if blocks is not self._blocks or not np.array_equal(w, self._w):
            self._w, self._blocks, self._kept, self._room = w.copy(), blocks, {}, KEPT_BYTES
        if j in self._kept:
            return self._kept[j]
        found = propagated(self.backpropagation, blocks[j])
        size = sum(array.nbytes for array in (*found.x[1:], found.s))
        if isinstance(blocks, list) and size <= self._room:
            self._room -= size
            self._kept[j] = found
        return found
