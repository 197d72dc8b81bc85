"""Products of the Hessian of Σ e_i with a vector v, over one block, exactly: the R-operator.

R{f(w)} = ∂f(w + r v)/∂r at r = 0, taken of forward propagation and backpropagation line by line; V^(l) are the layers
of v:

    R{s^(l)} = V^(l)ᵀ x^(l-1) + W^(l)ᵀ R{x^(l-1)},     R{x^(l)} = θ'(s^(l)) ⊗ R{s^(l)},
    R{δ^(L)} = ∂δ^(L)/∂s^(L) R{s^(L)},
    R{δ^(l)} = θ' ⊗ (W^(l+1) R{δ^(l+1)} + V^(l+1) δ^(l+1)) + θ'' ⊗ R{s^(l)} ⊗ W^(l+1) δ^(l+1),
    R{G^(l)} = Σ x^(l-1) R{δ^(l)}ᵀ + R{x^(l-1)} δ^(l)ᵀ.

Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994). The cost is that of 2 to 3
gradients, whatever |W| is.
"""

from __future__ import annotations

import numpy as np

from distnn.kernels import products
from distnn.kernels.blocks import Block
from distnn.network.second_order.directional import DirectionalDerivative, outer_sum
from distnn.network.second_order.propagation import Propagated
from distnn.network.weights import layers


class HessianProduct(DirectionalDerivative):
    """Σ_i weight_i ∇²e_i v over a block, at the weights that `backpropagation` has loaded. Local."""

    def product(self, found: Propagated, out: np.ndarray) -> None:
        """Write the product to out: float64, |W|."""
        self.within_range(self._product, found, out)

    def _product(self, found: Propagated, out: np.ndarray) -> None:
        self._forward(found.x)
        self._top(found.block, found.s)
        self._backward(found.x, layers(out, self.backpropagation.d))

    def _forward(self, x: list[np.ndarray]) -> None:
        """R{s^(l)} and R{x^(l)}."""
        W, V, theta = self.backpropagation.W, self.V, self.backpropagation.theta
        Rs, Rx, more, scratch = self.rooms(x[0].shape[1], "Rs", "Rx", "more", "scratch")
        products.signals(V[0], x[0], Rs[0])
        for l in range(1, len(W)):
            np.copyto(Rx[l - 1], Rs[l - 1])
            theta.chain(x[l][1:], Rx[l - 1], scratch[l - 1])  # type: ignore[misc]
            products.signals(V[l], x[l], Rs[l])
            products.signals(W[l][1:], Rx[l - 1], more[l])
            Rs[l] += more[l]

    def _top(self, block: Block, s: np.ndarray) -> None:
        """δ^(L) and R{δ^(L)}."""
        error_function = self.backpropagation.error_function
        Rs, delta, Rdelta, more = (room[-1] for room in self.rooms(s.shape[1], "Rs", "delta", "Rdelta", "more"))
        np.copyto(more, s)
        error_function.output(more)
        np.copyto(Rdelta, Rs)
        error_function.curvature(more, block.y, Rdelta)
        error_function.error(s.copy(), block.y, delta)
        if block.weights is not None:
            delta *= block.weights
            Rdelta *= block.weights

    def _backward(self, x: list[np.ndarray], G: list[np.ndarray]) -> None:
        """R{δ^(l)} and R{G^(l)} from above to below."""
        W, V, theta = self.backpropagation.W, self.V, self.backpropagation.theta
        Rs, Rx, delta, Rdelta, more, scratch = self.rooms(
            x[0].shape[1], "Rs", "Rx", "delta", "Rdelta", "more", "scratch"
        )
        for l in range(len(W) - 1, 0, -1):
            outer_sum(x[l], Rdelta[l], G[l])
            more_G = np.empty_like(G[l][1:])
            outer_sum(Rx[l - 1], delta[l], more_G)
            G[l][1:] += more_G
            bent = more[l - 1]
            products.push_back(W[l][1:], Rdelta[l], Rdelta[l - 1])
            products.push_back(V[l][1:], delta[l], bent)
            Rdelta[l - 1] += bent
            theta.chain(x[l][1:], Rdelta[l - 1], scratch[l - 1])  # type: ignore[misc]
            products.push_back(W[l][1:], delta[l], delta[l - 1])
            np.multiply(delta[l - 1], Rs[l - 1], out=bent)
            theta.bend(x[l][1:], bent, scratch[l - 1])  # type: ignore[misc]
            Rdelta[l - 1] += bent
            theta.chain(x[l][1:], delta[l - 1], scratch[l - 1])  # type: ignore[misc]
        outer_sum(x[0], Rdelta[0], G[0])
