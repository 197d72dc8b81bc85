"""How the outputs bend along a vector v: Σ Jᵀ R²{x^(L)} over one block, J being the Jacobian of the outputs.

R²{f(w)} = ∂²f(w + r v)/∂r² at r = 0: the R-operator of `hessian`, applied twice to forward propagation; V^(l) are the
layers of v:

    R{s^(l)}  = V^(l)ᵀ x^(l-1) + W^(l)ᵀ R{x^(l-1)},      R{x^(l)}  = θ'(s^(l)) ⊗ R{s^(l)},
    R²{s^(l)} = 2 V^(l)ᵀ R{x^(l-1)} + W^(l)ᵀ R²{x^(l-1)},  R²{x^(l)} = θ' ⊗ R²{s^(l)} + θ'' ⊗ R{s^(l)}².

Then backpropagation, with R²{x^(L)} ⊗ θ'(s^(L)) in the place of δ^(L). The cost is that of about two gradients.
"""

from __future__ import annotations

import numpy as np

from distnn import products
from distnn.backpropagation import Backpropagation, Block
from distnn.gauss_newton import output_theta
from distnn.network import layers, weight_count


class Acceleration:
    """Σ_i weight_i J_iᵀ ∂²x_i^(L)/∂v² over a block, at the weights that `backpropagation` has loaded. Local.

    UserError if the error function is not a sum of squares.
    """

    def __init__(self, backpropagation: Backpropagation):
        d = backpropagation.d
        self.backpropagation = backpropagation
        self.theta = [backpropagation.theta] * (len(d) - 2) + [output_theta(backpropagation)]
        self._v = np.zeros(weight_count(d), backpropagation.dtype)
        self.V = layers(self._v, d)
        self._layers = Buffers(backpropagation)

    @property
    def sizes(self) -> list[int]:
        """The lengths of the parts of what `write` writes: one for each W^(l)."""
        return [V.size for V in self.V]

    def load(self, v: np.ndarray) -> None:
        """Bend along v (float64, |W|) from now on, rounded to the dtype of backpropagation."""
        np.copyto(self._v, v, casting="same_kind")

    def write(self, block: Block, out: np.ndarray) -> None:
        """Write the sum to out: float64, |W|."""
        x, delta = self._forward(block)
        if block.weights is not None:
            delta *= block.weights
        W, G = self.backpropagation.W, layers(out, self.backpropagation.d)
        below, scratch = (self._layers(name, delta.shape[1]) for name in ("delta", "scratch"))
        for l in range(len(W) - 1, -1, -1):
            self.theta[l].chain(x[l + 1][1:], delta, scratch[l])  # type: ignore[misc]
            np.copyto(G[l], x[l] @ delta.T)
            if l > 0:
                products.push_back(W[l][1:], delta, below[l - 1])
                delta = below[l - 1]

    def _forward(self, block: Block) -> tuple[list[np.ndarray], np.ndarray]:
        """x^(0), …, x^(L), each with its row of ones, and R²{x^(L)}."""
        W, width = self.backpropagation.W, block.x.shape[1]
        x = [block.x, *self._layers("x", width, 1)]
        Rx, RRx, bent, scratch = (self._layers(name, width) for name in ("Rx", "RRx", "bent", "scratch"))
        for l, theta in enumerate(self.theta):
            x[l + 1][0] = 1
            above = x[l + 1][1:]
            products.signals(W[l], x[l], above)
            products.signals(self.V[l], x[l], Rx[l])
            if l > 0:
                products.signals(W[l][1:], Rx[l - 1], scratch[l])
                Rx[l] += scratch[l]
                products.signals(W[l][1:], RRx[l - 1], RRx[l])
                products.signals(2 * self.V[l][1:], Rx[l - 1], scratch[l])
                RRx[l] += scratch[l]
            theta.apply(above)
            np.square(Rx[l], out=bent[l])
            theta.bend(above, bent[l], scratch[l])  # type: ignore[misc]
            theta.chain(above, Rx[l], scratch[l])  # type: ignore[misc]
            if l > 0:
                theta.chain(above, RRx[l], scratch[l])  # type: ignore[misc]
                RRx[l] += bent[l]
            else:
                np.copyto(RRx[l], bent[l])
        return x, RRx[-1]


class Buffers:
    """Named arrays for the layers 1, …, L, in memory that is made once, for the widest block so far."""

    def __init__(self, backpropagation: Backpropagation):
        self.d, self.dtype = backpropagation.d, backpropagation.dtype
        self._memory: dict[str, list[np.ndarray]] = {}
        self._widest = 0

    def __call__(self, name: str, width: int, more: int = 0) -> list[np.ndarray]:
        """(d^(l) + more) × width for each layer; the next call with this name gives the same memory."""
        rows = [above + more for above in self.d[1:]]
        if width > self._widest:
            self._memory.clear()
            self._widest = width
        if name not in self._memory:
            self._memory[name] = [np.empty(count * self._widest, self.dtype) for count in rows]
        arrays = zip(self._memory[name], rows, strict=True)
        return [memory[: count * width].reshape(count, width) for memory, count in arrays]
