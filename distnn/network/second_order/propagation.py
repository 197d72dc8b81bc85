"""What sums of second order begin with: forward propagation of whole blocks, once for all sums at the same weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from distnn.kernels.blocks import KEPT_BYTES, Block
from distnn.kernels.memory import empty
from distnn.network.backpropagation import Backpropagation
from distnn.network.forward import forward


class Sized(Protocol):
    """bytes: of memory that it takes."""

    @property
    def bytes(self) -> int: ...


T = TypeVar("T", bound=Sized)
WORKING = 5  # arrays of all units that a sum along a vector makes of a block, beside those that are kept


class Propagated(NamedTuple):
    """A block, and what forward propagation has made of it, not to be changed. Local.

    x: x^(0), …, x^(L-1), each with its row of ones; s: s^(L), d^(L) × rows.
    """

    block: Block
    x: list[np.ndarray]
    s: np.ndarray

    @property
    def bytes(self) -> int:
        """Memory for it, without the block's."""
        return sum(array.nbytes for array in (*self.x[1:], self.s))


def propagated(backpropagation: Backpropagation, block: Block) -> Propagated:
    """The block propagated forward by the weights that `backpropagation` has loaded. Local."""
    width, dtype = block.x.shape[1], backpropagation.dtype
    x = [block.x, *(empty(above + 1, width, dtype) for above in backpropagation.d[1:-1])]
    for above in x[1:]:
        above[0] = 1
    s = empty(backpropagation.d[-1], width, dtype)
    forward(backpropagation.W, x, s, backpropagation.theta)
    return Propagated(block, x, s)


class Kept(Generic[T]):
    """What is made of blocks, of which the first ones are kept, up to KEPT_BYTES, until other weights are used. Local.

    So they are for a step of Levenberg-Marquardt, or for all products with one Hessian. Blocks in a file are not kept.

    make: `propagated`, or another that depends on the block and on what `backpropagation` has loaded.
    """

    def __init__(self, backpropagation: Backpropagation, make: Callable[[Backpropagation, Block], T]):
        self.backpropagation, self.make = backpropagation, make
        self._loaded: tuple[Any, Any] = None, None
        self._blocks: Sequence[Block] = ()
        self._kept: dict[int, T] = {}
        self._good: set[int] = set()  # which of them are of what is loaded now
        self._room = KEPT_BYTES

    def __call__(self, blocks: Sequence[Block], j: int) -> T:
        """Of block j, at the weights and shares that `backpropagation` has loaded."""
        loaded: tuple[Any, Any] = self.backpropagation.w, self.backpropagation.shares
        if blocks is not self._blocks or not all(map(np.array_equal, loaded, self._loaded)):
            self._loaded, self._blocks, self._good = deepcopy(loaded), blocks, set()
        if j in self._good:
            return self._kept[j]
        if j in self._kept:  # given back one by one, memory is used again, and not new to the process each time
            self._room += self._kept.pop(j).bytes
        found = self.make(self.backpropagation, blocks[j])
        if isinstance(blocks, list) and found.bytes <= self._room:
            self._room -= found.bytes
            self._kept[j] = found
            self._good.add(j)
        return found


def memory(d: Sequence[int], rows: int, block: int, dtype: DTypeLike, hessian: bool) -> int:
    """Bytes at most for what is kept of so many rows, in blocks of `block` rows, and for a sum over a block. Local.

    hessian: whether what is kept is `hessian.Backpropagated`, for products with it, or else `Propagated`.
    """
    hidden, units, itemsize = sum(d[1:-1]), sum(d[1:]), np.dtype(dtype).itemsize
    each = itemsize * (units + len(d) - 2 + (hidden + units if hessian else 0))
    return min(KEPT_BYTES, rows * each) + block * (each + itemsize * WORKING * units)
