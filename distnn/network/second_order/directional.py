"""What derivatives along a vector v of |W| numbers have in common: v as layers, and memory for each layer of units.

The memory is made once, for the widest block so far.
"""

from __future__ import annotations

import numpy as np

from distnn.kernels.memory import matrix, row_stride, vector
from distnn.network.backpropagation import Backpropagation
from distnn.network.weights import layers, weight_count


class DirectionalDerivative:
    """A vector v beside the weights that `backpropagation` has loaded, for sums over a block. Local.

    V: the layers V^(1), …, V^(L) of v, of the dtype of backpropagation.
    """

    def __init__(self, backpropagation: Backpropagation):
        self.backpropagation = backpropagation
        self._v = np.zeros(weight_count(backpropagation.d), backpropagation.dtype)
        self.V = layers(self._v, backpropagation.d)
        self._memory: dict[str, list[np.ndarray]] = {}
        self._widest = 0

    @property
    def sizes(self) -> list[int]:
        """The lengths of the parts of a sum: one for each W^(l)."""
        return [V.size for V in self.V]

    def load(self, v: np.ndarray) -> None:
        """Take v (float64, |W|) from now on, rounded to the dtype of backpropagation."""
        np.copyto(self._v, v, casting="same_kind")

    def rooms(self, width: int, *names: str) -> list[list[np.ndarray]]:
        """For each name arrays d^(l) × width for the layers l = 1, …, L; the next call gives the same memory."""
        return [self._room(name, width) for name in names]

    def units(self, width: int) -> list[np.ndarray]:
        """Room for x^(1), …, x^(L), each with its row of ones."""
        x = self._room("x", width, 1)
        for above in x:
            above[0] = 1
        return x

    def _room(self, name: str, width: int, more: int = 0) -> list[np.ndarray]:
        heights = [above + more for above in self.backpropagation.d[1:]]
        if width > self._widest:
            self._memory.clear()
            self._widest = width
        if name not in self._memory:
            stride = row_stride(self._widest, self._v.dtype)
            self._memory[name] = [vector(height * stride, self._v.dtype) for height in heights]
        arrays = zip(self._memory[name], heights, strict=True)
        return [matrix(memory, height, width) for memory, height in arrays]
