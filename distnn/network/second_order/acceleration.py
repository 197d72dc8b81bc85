"""How the outputs bend along a vector v: Σ Jᵀ R²{x^(L)} over one block, J being the Jacobian of the outputs.

R²{f(w)} = ∂²f(w + r v)/∂r² at r = 0: the R-operator of `hessian`, applied twice to forward propagation; V^(l) are the
layers of v:

    R{s^(l)}  = V^(l)ᵀ x^(l-1) + W^(l)ᵀ R{x^(l-1)},      R{x^(l)}  = θ'(s^(l)) ⊗ R{s^(l)},
    R²{s^(l)} = 2 V^(l)ᵀ R{x^(l-1)} + W^(l)ᵀ R²{x^(l-1)},  R²{x^(l)} = θ' ⊗ R²{s^(l)} + θ'' ⊗ R{s^(l)}².

Then backpropagation, with R²{x^(L)} ⊗ θ'(s^(L)) in the place of δ^(L). The cost is that of about two gradients.
"""

from __future__ import annotations

import numpy as np

from distnn.kernels import products
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import output_theta
from distnn.network.second_order.directional import DirectionalDerivative, outer_sum
from distnn.network.second_order.propagation import Propagated
from distnn.network.weights import layers


class Acceleration(DirectionalDerivative):
    """Σ_i weight_i J_iᵀ ∂²x_i^(L)/∂v² over a block, at the weights and shares that `backpropagation` has. Local.

    ValueError if the error function is not a sum of squares.
    """

    degree = 2

    def __init__(self, backpropagation: Backpropagation):
        super().__init__(backpropagation)
        self.theta = [backpropagation.theta] * (len(self.V) - 1) + [output_theta(backpropagation.error_function)]

    def write(self, found: Propagated, out: np.ndarray) -> None:
        """Write the sum to out: float64, |W|."""
        self.within_range(self._write, found, out)

    def _write(self, found: Propagated, out: np.ndarray) -> None:
        (block, x, _), above = found, self._above(found)
        delta = self._forward(x, above)
        if block.weights is not None:
            delta *= block.weights
        if self.backpropagation.shares is not None:
            delta *= self.backpropagation.shares.astype(delta.dtype)
        W, G = self.backpropagation.W, layers(out, self.backpropagation.d)
        below, scratch = self.rooms(delta.shape[1], "delta", "scratch")
        for l in range(len(W) - 1, -1, -1):
            self.theta[l].chain(above[l], delta, scratch[l])  # type: ignore[misc]
            outer_sum(x[l], delta, G[l])
            if l > 0:
                products.push_back(W[l][1:], delta, below[l - 1])
                delta = below[l - 1]

    def _above(self, found: Propagated) -> list[np.ndarray]:
        """x^(1), …, x^(L) without rows of ones."""
        output = found.s.copy()
        self.theta[-1].apply(output)
        return [*(x[1:] for x in found.x[1:]), output]

    def _forward(self, x: list[np.ndarray], above: list[np.ndarray]) -> np.ndarray:
        """R²{x^(L)}."""
        W = self.backpropagation.W
        Rx, RRx, bent, scratch = self.rooms(x[0].shape[1], "Rx", "RRx", "bent", "scratch")
        for l, theta in enumerate(self.theta):
            products.signals(self.V[l], x[l], Rx[l])
            if l > 0:
                products.signals(W[l][1:], Rx[l - 1], scratch[l])
                Rx[l] += scratch[l]
                products.signals(W[l][1:], RRx[l - 1], RRx[l])
                products.signals(2 * self.V[l][1:], Rx[l - 1], scratch[l])
                RRx[l] += scratch[l]
            np.square(Rx[l], out=bent[l])
            theta.bend(above[l], bent[l], scratch[l])  # type: ignore[misc]
            theta.chain(above[l], Rx[l], scratch[l])  # type: ignore[misc]
            if l > 0:
                theta.chain(above[l], RRx[l], scratch[l])  # type: ignore[misc]
                RRx[l] += bent[l]
            else:
                np.copyto(RRx[l], bent[l])
        return RRx[-1]
