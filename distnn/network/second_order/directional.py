"""What derivatives along a vector v of |W| numbers have in common: v as layers, and memory for each layer of units.

The memory is made once, for the widest block so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import numpy as np

from distnn.kernels import products
from distnn.kernels.memory import matrix, row_stride, vector
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import SquaredError
from distnn.network.weights import layers, shapes, weight_count

T = TypeVar("T")


class DirectionalDerivative:
    """A vector v beside the weights that `backpropagation` has loaded, for sums over a block. Local.

    For a class: degree, the power of v in its sum.

    V: the layers V^(1), …, V^(L) of v, of the dtype of backpropagation. UserError if a θ has no second derivative.
    """

    degree: ClassVar[int] = 1

    def __init__(self, backpropagation: Backpropagation):
        backpropagation.theta.require_bend()
        if isinstance(backpropagation.error_function, SquaredError):
            backpropagation.error_function.theta.require_bend()
        self.backpropagation = backpropagation
        self._v = np.zeros(weight_count(backpropagation.d), backpropagation.dtype)
        self.V = layers(self._v, backpropagation.d)
        self._given = np.zeros(0)
        self._memory: dict[str, list[np.ndarray]] = {}
        self._rooms: dict[tuple[str, int], list[np.ndarray]] = {}  # views of it, by name and width
        self._widest = 0

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The shapes of the parts of a sum: one for each W^(l)."""
        return shapes(self.backpropagation.d)

    def load(self, v: np.ndarray) -> None:
        """Take v (float64, |W|) from now on, rounded to the dtype of backpropagation."""
        self._given = v
        np.copyto(self._v, v, casting="same_kind")

    def within_range(self, compute: Callable[[T, np.ndarray], None], found: T, out: np.ndarray) -> None:
        """Have `compute` write to out, float64, what is of degree `degree` in v.

        Where v or what comes of it is beyond the range of float32: again for v divided by a power of two.
        """
        compute(found, out)
        if self._v.dtype == np.float64 or np.isfinite(out).all():
            return
        exponent = int(np.frexp(np.abs(self._given).max())[1])
        np.copyto(self._v, np.ldexp(self._given, -exponent), casting="same_kind")
        compute(found, out)
        np.ldexp(out, self.degree * exponent, out=out)
        np.copyto(self._v, self._given, casting="same_kind")

    def rooms(self, width: int, *names: str) -> list[list[np.ndarray]]:
        """For each name arrays d^(l) × width for the layers l = 1, …, L; the next call gives the same memory."""
        return [self._room(name, width) for name in names]

    def _room(self, name: str, width: int) -> list[np.ndarray]:
        if width > self._widest:
            self._memory.clear()
            self._rooms.clear()
            self._widest = width
        if (name, width) not in self._rooms:
            heights = self.backpropagation.d[1:]
            if name not in self._memory:
                stride = row_stride(self._widest, self._v.dtype)
                self._memory[name] = [vector(height * stride, self._v.dtype) for height in heights]
            arrays = zip(self._memory[name], heights, strict=True)
            self._rooms[name, width] = [matrix(memory, height, width) for memory, height in arrays]
        return self._rooms[name, width]


def outer_sum(x: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
    """Write Σ_i x_i δ_iᵀ = x δᵀ to out, float64; where its sums are beyond the range of their dtype, in float64."""
    products.outer_sum(x, delta, out)
    if x.dtype != out.dtype and not np.isfinite(out).all():
        products.outer_sum(x.astype(out.dtype), delta.astype(out.dtype), out)
