"""What one block adds to each sum, as a program in JAX: matrices, each row of which is rounded on its own.

All are functions of (mathematics, w, shares, x, y, weights, *more). To add a sum: its function, with its name in TERMS,
and a method of `terms.AcceleratorTerms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from distnn.accelerator.mathematics import Mathematics
from distnn.network.weights import weight_count

Array = Any  # of JAX
BlockTerm = Callable[..., Sequence[Array]]
PIECE_BYTES = 16 << 20  # of Jᵀ at hand
FEWEST = 64  # examples of that piece


def gradient(m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array) -> Sequence[Array]:
    return m.gradient(m.layers(w), x, y, weights, shares)


def error(m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array) -> Sequence[Array]:
    return [m.error_sum(m.layers(w), x, y, weights, shares).reshape(1, 1)]


def squares(m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array) -> Sequence[Array]:
    return [m.squares(m.layers(w), x, y, weights)]


def gauss_newton(
    m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array, last: bool = False
) -> Sequence[Array]:
    """The lower triangle; in float64, since squares of float32 may be beyond its range."""

    def add(total: Array, J: Array) -> Array:
        J = J.astype(jnp.float64)
        return total + m.product(J, J.T)

    size = weight_count(m.d[-2:] if last else m.d)
    return [jnp.tril(_over_jacobian(m, add, jnp.zeros((size, size)), last, w, shares, x, weights).sum(axis=0))]


def lengths(
    m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array, T: Array, last: bool = False
) -> Sequence[Array]:
    def add(total: Array, J: Array) -> Array:
        return total + jnp.sum(jnp.square(m.product(T, J.astype(jnp.float64))))

    return [_over_jacobian(m, add, jnp.zeros(()), last, w, shares, x, weights)[:, None]]


def acceleration(
    m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array, v: Array, scale: Array
) -> Sequence[Array]:
    found = m.acceleration(m.layers(w), m.layers(v), x, weights, shares)
    return [g.astype(jnp.float64) * scale for g in found]


def hessian_product(
    m: Mathematics, w: Array, shares: Array, x: Array, y: Array, weights: Array, v: Array, scale: Array
) -> Sequence[Array]:
    found = m.hessian_product(m.layers(w), m.layers(v), x, y, weights, shares)
    return [g.astype(jnp.float64) * scale for g in found]


TERMS: dict[str, BlockTerm] = {
    "gradient": gradient,
    "error": error,
    "squares": squares,
    "gauss_newton": gauss_newton,
    "gauss_newton_last": partial(gauss_newton, last=True),
    "lengths": lengths,
    "lengths_last": partial(lengths, last=True),
    "acceleration": acceleration,
    "hessian_product": hessian_product,
}
TRIANGLES = ("gauss_newton", "gauss_newton_last")  # of which only the lower triangle is asked for


def _over_jacobian(
    m: Mathematics, add: Any, zero: Array, last: bool, w: Array, shares: Array, x: Array, weights: Array
) -> Array:
    """What `add` makes of zero for each output, and of Jᵀ, |W| × examples, a piece of the examples at a time."""
    width = min(len(weights), max(FEWEST, PIECE_BYTES // (8 * weight_count(m.d[-2:] if last else m.d))))
    pieces = -(-len(weights) // width)
    W, more = m.layers(w), pieces * width - len(weights)
    x, weights = jnp.pad(x, ((0, 0), (0, more))), jnp.pad(weights, (0, more))

    def piece(i: Array, totals: Array) -> Array:
        part = partial(jax.lax.dynamic_slice_in_dim, start_index=i * width, slice_size=width, axis=-1)
        roots, rows = m.jacobians(W, part(x), part(weights), shares, last)
        return jax.lax.map(lambda of: add(of[0], rows(of[1])), (totals, roots))

    return jax.lax.fori_loop(0, pieces, piece, jnp.zeros((m.d[-1], *zero.shape)))
