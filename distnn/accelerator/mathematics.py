"""What `network` computes of a block, in JAX, which differentiates it: forward propagation, e, and their derivatives.

Examples are columns; W: the layers W^(l) in a list; weights: of the examples, (rows,), 0 where there is none; shares:
what each output's square is multiplied with, (d^(L), 1). All is of the blocks' dtype, but e, which is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

THETAS: dict[str, Callable[[Any], Any]] = {
    "tanh": jnp.tanh,
    "logistic": jax.nn.sigmoid,
    "relu": jax.nn.relu,  # whose derivative at 0 is 0, as in network/activations.py
    "identity": lambda s: s,
}
Array = Any  # of JAX


@dataclass(frozen=True)
class Mathematics:
    """Of a network and an error function, by name. precision: of the products, a name in lax.Precision."""

    d: tuple[int, ...]
    theta: str
    output_theta: str
    error: str
    precision: str = "highest"

    def layers(self, w: Array) -> list[Array]:
        """W^(1), …, W^(L) of the vector w."""
        shapes = [(below + 1, above) for below, above in pairwise(self.d)]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        return [part.reshape(shape) for part, shape in zip(jnp.split(w, ends[:-1]), shapes, strict=True)]

    def product(self, a: Array, b: Array) -> Array:
        return jnp.matmul(a, b, precision=lax.Precision(self.precision))

    def forward(self, W: Sequence[Array], x: Array, off: Sequence[Array] | None = None) -> tuple[list[Array], Array]:
        """x^(0), …, x^(L-1), those above the first without their ones, and s^(L); off: is added to each s^(l)."""
        below, theta = [x], THETAS[self.theta]
        for l, W_l in enumerate(W):
            s = self.product(W_l.T, x) if l == 0 else self.product(W_l[1:].T, below[-1]) + W_l[0][:, None]
            s = s if off is None else s + off[l]
            if l + 1 < len(W):
                below.append(theta(s))
        return below, s

    def outputs(self, W: Sequence[Array], x: Array) -> Array:
        """x^(L) of an elementwise output."""
        return THETAS[self.output_theta](self.forward(W, x)[1])

    def errors(self, W: Sequence[Array], x: Array, y: Array, shares: Array) -> Array:
        """e of each example, float64 (rows,)."""
        s = self.forward(W, x)[1]
        if self.error == "squared":
            squares = jnp.square((THETAS[self.output_theta](s) - y).astype(jnp.float64))
            return jnp.sum(squares * shares, axis=0)
        s, y = s.astype(jnp.float64), y.astype(jnp.float64)
        if self.output_theta == "logistic":
            return jnp.sum(jnp.maximum(s, 0) - y * s + jnp.log1p(jnp.exp(-jnp.abs(s))), axis=0)
        return jnp.sum(y * (jax.nn.logsumexp(s, axis=0) - s), axis=0)

    def error_sum(self, W: Sequence[Array], x: Array, y: Array, weights: Array, shares: Array) -> Array:
        """Σ e, with the examples' weights: float64."""
        return jnp.sum(self.errors(W, x, y, shares) * weights)

    def gradient(self, W: Sequence[Array], x: Array, y: Array, weights: Array, shares: Array) -> list[Array]:
        """Σ ∇e as G^(1), …, G^(L), and Σ e, (1, 1)."""
        E, G = jax.value_and_grad(self.error_sum)(W, x, y, weights, shares)
        return [*G, E.reshape(1, 1)]

    def squares(self, W: Sequence[Array], x: Array, y: Array, weights: Array) -> Array:
        """Σ (x_j - y_j)² of each output: float64 (d^(L), 1)."""
        squares = jnp.square((self._any_outputs(W, x) - y).astype(jnp.float64))
        return jnp.sum(squares * weights, axis=1, keepdims=True)

    def hessian_product(self, W: Any, V: Any, x: Array, y: Array, weights: Array, shares: Array) -> list[Array]:
        """Σ ∇²e v, as layers: the derivative of the gradient along v."""
        gradient = jax.grad(partial(self.error_sum, x=x, y=y, weights=weights, shares=shares))
        return jax.jvp(gradient, (W,), (V,))[1]

    def acceleration(self, W: Any, V: Any, x: Array, weights: Array, shares: Array) -> list[Array]:
        """Σ Jᵀ ∂²x^(L)/∂v², as layers."""
        outputs = partial(self.outputs, x=x)
        bend = jax.jvp(lambda W: jax.jvp(outputs, (W,), (V,))[1], (W,), (V,))[1]
        return jax.vjp(outputs, W)[1](bend * weights * shares.astype(bend.dtype))[0]

    def jacobians(
        self, W: Sequence[Array], x: Array, weights: Array, shares: Array, last: bool
    ) -> tuple[Array, Callable[[Array], Array]]:
        """The roots of e's curvature, d^(L) (which of them) × d^(L) × rows; and of one, its rows of J, |W| × rows.

        As `network.second_order.gauss_newton` has them. last: by the weights of the last layer alone.
        """
        off = [jnp.zeros((above, x.shape[1]), x.dtype) for above in self.d[1:]]
        top, pull, below = jax.vjp(lambda off: self._top(W, x, off), off, has_aux=True)
        first = len(W) - 1 if last else 0
        ones = jnp.ones((1, x.shape[1]), x.dtype)
        units = [x, *(jnp.concatenate([ones, x_l]) for x_l in below[1:])][first:]

        def rows(root: Array) -> Array:
            deltas = pull(root)[0][first:]
            return jnp.concatenate(
                [(u[:, None] * delta).reshape(-1, x.shape[1]) for u, delta in zip(units, deltas, strict=True)]
            )

        return self._roots(top) * jnp.sqrt(weights * shares.astype(x.dtype)), rows

    def _any_outputs(self, W: Sequence[Array], x: Array) -> Array:
        s = self.forward(W, x)[1]
        return jax.nn.softmax(s, axis=0) if self.output_theta == "softmax" else THETAS[self.output_theta](s)

    def _top(self, W: Sequence[Array], x: Array, off: Sequence[Array]) -> tuple[Array, list[Array]]:
        """What J is the Jacobian of: x^(L) of a sum of squares, else s^(L); and the units below."""
        below, s = self.forward(W, x, off)
        return (THETAS[self.output_theta](s) if self.error == "squared" else s), below

    def _roots(self, top: Array) -> Array:
        """Columns of R with R Rᵀ the curvature of e by what J is of, one after another."""
        each = jnp.eye(len(top), dtype=top.dtype)[:, :, None]
        if self.error == "squared":
            return jnp.broadcast_to(each, (len(top), *top.shape))
        if self.output_theta == "logistic":
            x = jax.nn.sigmoid(top)
            return each * jnp.sqrt(x * (1 - x))
        x = jax.nn.softmax(top, axis=0)
        return (each - x) * jnp.sqrt(x)[:, None]
