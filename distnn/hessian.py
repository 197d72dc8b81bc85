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

from collections.abc import Sequence

import numpy as np

from distnn import products
from distnn.backpropagation import Backpropagation, Block
from distnn.network import forward, layers, weight_count


class HessianProduct:
    """Σ_i weight_i ∇²e_i v over a block, at the weights that `backpropagation` has loaded. Local."""

    def __init__(self, backpropagation: Backpropagation):
        self.backpropagation = backpropagation
        self._v = np.zeros(weight_count(backpropagation.d), backpropagation.dtype)
        self.V = layers(self._v, backpropagation.d)
        self._memory = np.empty(0, backpropagation.dtype)
        self._width, self._space = 0, Workspace(backpropagation.d, self._memory, 0)

    @property
    def sizes(self) -> list[int]:
        """The lengths of the parts of what `product` writes: one for each W^(l)."""
        return [V.size for V in self.V]

    def load(self, v: np.ndarray) -> None:
        """Multiply by v (float64, |W|) from now on, rounded to the dtype of backpropagation."""
        np.copyto(self._v, v, casting="same_kind")

    def product(self, block: Block, out: np.ndarray) -> None:
        """Write the product to out: float64, |W|."""
        space = self._workspace(block.x.shape[1])
        self._forward(block, space)
        self._top(block, space)
        self._backward(block, space, layers(out, self.backpropagation.d))

    def _workspace(self, width: int) -> Workspace:
        if width != self._width:
            d, length = self.backpropagation.d, Workspace.length(self.backpropagation.d, width)
            if length > len(self._memory):
                self._memory = np.empty(length, self._memory.dtype)
            self._width, self._space = width, Workspace(d, self._memory, width)
        return self._space

    def _forward(self, block: Block, space: Workspace) -> None:
        """x^(l), s^(L), R{s^(l)} and R{x^(l)}."""
        W, V, theta, Rs, Rx = self.backpropagation.W, self.V, self.backpropagation.theta, space.Rs, space.Rx
        x = [block.x, *space.x]
        forward(W, x, space.s, theta)
        np.matmul(V[0].T, x[0], out=Rs[0])
        for l in range(1, len(W)):
            np.copyto(Rx[l - 1], Rs[l - 1])
            theta.chain(x[l][1:], Rx[l - 1], space.scratch[l - 1])  # type: ignore[misc]
            np.matmul(V[l].T, x[l], out=Rs[l])
            Rs[l] += np.matmul(W[l][1:].T, Rx[l - 1], out=space.more[l])

    def _top(self, block: Block, space: Workspace) -> None:
        """δ^(L) and R{δ^(L)}."""
        error_function = self.backpropagation.error_function
        outputs, delta, Rdelta = space.more[-1], space.delta[-1], space.Rdelta[-1]
        np.copyto(outputs, space.s)
        error_function.output(outputs)
        np.copyto(Rdelta, space.Rs[-1])
        error_function.curvature(outputs, block.y, Rdelta)
        error_function.error(space.s, block.y, delta)
        if block.weights is not None:
            delta *= block.weights
            Rdelta *= block.weights

    def _backward(self, block: Block, space: Workspace, g: list[np.ndarray]) -> None:
        """R{δ^(l)} and R{G^(l)} from above to below."""
        W, V, theta = self.backpropagation.W, self.V, self.backpropagation.theta
        x, delta, Rdelta = [block.x, *space.x], space.delta, space.Rdelta
        for l in range(len(W) - 1, 0, -1):
            np.copyto(g[l], x[l] @ Rdelta[l].T)
            g[l][1:] += space.Rx[l - 1] @ delta[l].T
            scratch, more = space.scratch[l - 1], space.more[l - 1]
            products.push_back(W[l][1:], Rdelta[l], Rdelta[l - 1])
            products.push_back(V[l][1:], delta[l], more)
            Rdelta[l - 1] += more
            theta.chain(x[l][1:], Rdelta[l - 1], scratch)  # type: ignore[misc]
            products.push_back(W[l][1:], delta[l], delta[l - 1])
            np.multiply(delta[l - 1], space.Rs[l - 1], out=more)
            theta.bend(x[l][1:], more, scratch)  # type: ignore[misc]
            Rdelta[l - 1] += more
            theta.chain(x[l][1:], delta[l - 1], scratch)  # type: ignore[misc]
        np.copyto(g[0], x[0] @ Rdelta[0].T)


class Workspace:
    """Buffers for blocks of one width, laid out one after another in `memory`, which is as long as `length` says."""

    def __init__(self, d: Sequence[int], memory: np.ndarray, width: int):
        used = 0

        def each(widths: Sequence[int]) -> list[np.ndarray]:
            nonlocal used
            views = []
            for above in widths:
                views.append(memory[used : used + above * width].reshape(above, width))
                used += above * width
            return views

        hidden = d[1:-1]
        self.x = each([above + 1 for above in hidden])
        self.Rx, self.scratch = each(hidden), each(hidden)
        self.Rs, self.delta, self.Rdelta, self.more = each(d[1:]), each(d[1:]), each(d[1:]), each(d[1:])
        self.s = each(d[-1:])[0]
        for x in self.x:
            x[0] = 1

    @staticmethod
    def length(d: Sequence[int], width: int) -> int:
        """The number of elements of `memory`."""
        return width * (3 * sum(d[1:-1]) + len(d) - 2 + 4 * sum(d[1:]) + d[-1])
