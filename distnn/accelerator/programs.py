"""Sums over the blocks of a chunk, exact: each block's term is rounded and added as integers, in a loop on the device.

The arithmetic is that of parallel/fixed_point.py: t = g + magic is g rounded to a multiple of 2^-k, and the integers
behind t are added modulo 2^64. A term is kept apart from its rounding by a barrier, so that XLA fuses nothing across.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from distnn.accelerator.block_terms import TERMS, TRIANGLES
from distnn.accelerator.devices import OPTIONS, failures
from distnn.accelerator.mathematics import Mathematics
from distnn.accelerator.rows import Rows, Shape
from distnn.network.weights import weight_count
from distnn.parallel.ranks import RemoteTerms

Array = Any  # of JAX
UNKNOWN = "unknown"
_SOURCE = re.compile(r',? metadata=\{(?:"[^"]*"|[^"}])*\}')  # of a line; tables of files have lines with numbers


class Compiled(NamedTuple):
    """A program for one shape of chunks. heights: of a term's matrices; lower: only the triangle counts.

    nothing: what a sum begins with, on the device. digest: a hash of the program as XLA has optimised it, or UNKNOWN.
    """

    call: Callable[..., Any]
    heights: list[int]
    lower: bool
    nothing: Any
    digest: str = ""


@cache
@jax.enable_x64(True)
def compiled(
    name: str, mathematics: Mathematics, shape: Shape, device: Any, more: tuple[tuple[tuple[int, ...], Any], ...]
) -> Compiled:
    """The program of the sum of this name in TERMS. more: shapes and dtypes of its further arguments. Local."""
    place = jax.sharding.SingleDeviceSharding(device)
    term = partial(TERMS[name], mathematics)

    def like(shape: tuple[int, ...], dtype: Any) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype, sharding=place)

    block = [like(of, shape.dtype) for of in shape.of_block()]
    w, shares = like((weight_count(mathematics.d),), shape.dtype), like((shape.outputs, 1), np.float64)
    others = [like(*of) for of in more]
    parts = [part.shape for part in jax.eval_shape(term, w, shares, *block, *others)]

    heights = [h for h, _ in parts]

    def program(
        found: Any, chunk: Any, order: Array, count: Array, magic: Array, w: Array, shares: Array, *more: Array
    ) -> Any:
        magics = jnp.split(magic, np.cumsum(heights)[:-1])

        def add(i: Array, found: Any) -> Any:
            own = [lax.dynamic_index_in_dim(a, order[i], keepdims=False) for a in chunk]
            terms = lax.optimization_barrier(tuple(term(w, shares, *own, *more)))
            return [_added(of, g.astype(jnp.float64), m) for of, g, m in zip(found, terms, magics, strict=True)]

        return lax.fori_loop(0, count, add, found)

    found = [(like((h,), np.float64), like((h, l), np.int64)) for h, l in parts]
    magic = like((sum(heights),), np.float64)
    chunk = tuple(like((shape.blocks, *of), shape.dtype) for of in shape.of_block())
    order, count = like((shape.blocks,), np.int32), like((), np.int32)
    lowered = jax.jit(program).lower(found, chunk, order, count, magic, w, shares, *others)
    options = OPTIONS["cpu" if device.platform == "cpu" else "gpu"]
    nothing = jax.device_put([(np.zeros(h), np.zeros((h, l), np.int64)) for h, l in parts], device)
    call = lowered.compile(compiler_options=options)
    return Compiled(call, heights, name in TRIANGLES, nothing, _digest(call))


def _digest(call: Any) -> str:
    """The fingerprint of what XLA has made, or UNKNOWN, where this jax and this device do not tell."""
    try:
        text = call.as_text()
    except NotImplementedError:
        text = None
    return fingerprint(text) if text else UNKNOWN


def fingerprint(text: str) -> str:
    """A hash of an optimised program, in which XLA says how it computes, too; without where our source code lies."""
    lines = [_SOURCE.sub("", line) for line in text.splitlines() if not line[:1].isdigit()]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _added(found: tuple[Array, Array], g: Array, magic: Array) -> tuple[Array, Array]:
    largest, total = found
    magic = magic[:, None]
    multiples = lax.bitcast_convert_type(g + magic, jnp.int64) - lax.bitcast_convert_type(magic, jnp.int64)
    return jnp.maximum(largest, jnp.max(jnp.abs(g), axis=1)), total + multiples  # NaN stays NaN; modulo 2^64


class DeviceTerms(RemoteTerms):
    """The terms of some blocks, by number, of rows on the device. Local. arguments: w, shares and more, there."""

    def __init__(self, program: Compiled, rows: Rows, arguments: Sequence[Array], device: Any, numbers: Sequence[int]):
        self.program, self.rows, self.arguments, self.device = program, rows, arguments, device
        self.numbers = numbers

    def among(self, numbers: Sequence[int]) -> DeviceTerms:
        return DeviceTerms(self.program, self.rows, self.arguments, self.device, [self.numbers[j] for j in numbers])

    def add(self, magic: np.ndarray, total: np.ndarray) -> np.ndarray:
        capacity = self.rows.shape.blocks
        with jax.enable_x64(True), failures(self.device):
            found, there = self.program.nothing, self._there(magic)
            for number, chunk in enumerate(self.rows.chunks):
                order = [j - number * capacity for j in self.numbers if j // capacity == number]
                if order:
                    padded = np.array(order + [0] * (capacity - len(order)), np.int32)
                    found = self.program.call(
                        found, chunk, *self._there((padded, np.int32(len(order)))), there, *self.arguments
                    )
            largest, sums = zip(*jax.device_get(found), strict=True)
        place = 0
        for found in sums:
            numbers = found[np.tril_indices(len(found))] if self.program.lower else found.ravel()
            total[place : (place := place + len(numbers))] = numbers
        return np.concatenate(largest)

    def _there(self, arrays: Any) -> Any:
        return jax.device_put(arrays, self.device)
