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

from typing import NamedTuple

import numpy as np

from distnn.kernels import products
from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order.directional import DirectionalDerivative, outer_sum
from distnn.network.second_order.propagation import propagated
from distnn.network.weights import layers


class Backpropagated(NamedTuple):
    """A block, and what propagation and backpropagation have made of it, with its weights. Not to be changed. Local.

    x: x^(0), …, x^(L-1), each with its row of ones; output: x^(L). delta: δ^(1), …, δ^(L). pushed: W^(l+1) δ^(l+1) for
    l = 1, …, L-1.
    """

    block: Block
    x: list[np.ndarray]
    output: np.ndarray
    delta: list[np.ndarray]
    pushed: list[np.ndarray]

    @property
    def bytes(self) -> int:
        """Memory for it, without the block's."""
        return sum(array.nbytes for array in (*self.x[1:], self.output, *self.delta, *self.pushed))


def backpropagated(backpropagation: Backpropagation, block: Block) -> Backpropagated:
    """The block at the weights and shares that `backpropagation` has loaded. Local."""
    W, theta, error_function = backpropagation.W, backpropagation.theta, backpropagation.error_function
    _, x, s = propagated(backpropagation, block)
    width, dtype, output = block.x.shape[1], backpropagation.dtype, s.copy()
    delta, pushed = ([empty(d, width, dtype) for d in backpropagation.d[1:stop]] for stop in (None, -1))
    error_function.output(output)
    error_function.error(s, block.y, delta[-1])
    if block.weights is not None:
        delta[-1] *= block.weights
    for l in range(len(W) - 1, 0, -1):
        products.push_back(W[l][1:], delta[l], pushed[l - 1])
        np.copyto(delta[l - 1], pushed[l - 1])
        theta.chain(x[l][1:], delta[l - 1], np.empty_like(delta[l - 1]))  # type: ignore[misc]
    return Backpropagated(block, x, output, delta, pushed)


class HessianProduct(DirectionalDerivative):
    """Σ_i weight_i ∇²e_i v over a block, at the weights that `backpropagation` has loaded. Local."""

    def product(self, found: Backpropagated, out: np.ndarray) -> None:
        """Write the product to out: float64, |W|."""
        self.within_range(self._product, found, out)

    def _product(self, found: Backpropagated, out: np.ndarray) -> None:
        self._forward(found.x)
        self._top(found)
        self._backward(found, layers(out, self.backpropagation.d))

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

    def _top(self, found: Backpropagated) -> None:
        """R{δ^(L)}."""
        block, output = found.block, found.output
        Rs, Rdelta = (room[-1] for room in self.rooms(output.shape[1], "Rs", "Rdelta"))
        np.copyto(Rdelta, Rs)
        self.backpropagation.error_function.curvature(output, block.y, Rdelta)
        if block.weights is not None:
            Rdelta *= block.weights

    def _backward(self, found: Backpropagated, G: list[np.ndarray]) -> None:
        """R{δ^(l)} and R{G^(l)} from above to below."""
        W, V, theta = self.backpropagation.W, self.V, self.backpropagation.theta
        x, delta, width = found.x, found.delta, found.output.shape[1]
        Rs, Rx, Rdelta, more, scratch = self.rooms(width, "Rs", "Rx", "Rdelta", "more", "scratch")
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
            np.multiply(found.pushed[l - 1], Rs[l - 1], out=bent)
            theta.bend(x[l][1:], bent, scratch[l - 1])  # type: ignore[misc]
            Rdelta[l - 1] += bent
        outer_sum(x[0], Rdelta[0], G[0])
