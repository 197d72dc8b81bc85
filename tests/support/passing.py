"""Engines with passes of every sort, and blocks for them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pytest
from availability import need_instructions

from distnn.kernels import library
from distnn.kernels.blocks import Block
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled
from distnn.network.weights import weight_count

DTYPES = ["float64", "float32"]

WAYS = {"fused": Fused, "tiled": Tiled}

# For tiles only: more terms than are added up at a time, more tiles than the cache has, every width of a panel of G.
WIDE = [(2100, 150, 3), (2, 3, 2200, 1), (4, 1100, 1), (33, 31, 17, 16, 15, 9, 8, 7), (6, 40, 33, 1), (3, 1, 1, 2)]


def draw(d: tuple[int, ...], rows: int, dtype: str, seed: int = 0) -> Block:
    generator = np.random.default_rng([*d, rows, seed])
    x = generator.normal(size=(d[0] + 1, rows))
    x[0] = 1
    y = generator.normal(size=(d[-1], rows))
    return Block(x.astype(dtype), y.astype(dtype), generator.random(rows).astype(dtype))


def digest(arrays: Sequence[np.ndarray]) -> str:
    """A hash of all bits; those of a NaN that says no more than that differ between CPUs."""
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(np.where(np.isnan(array), np.nan, array).tobytes())
    return found.hexdigest()


def plain(*shape: int) -> np.ndarray:
    """Numbers from -1 to 1 that integers make, so that they are the same on every machine; float64."""
    return (np.arange(math.prod(shape)).reshape(shape) * 7919 % 10007 - 5003) / 5003


def engine(
    d: tuple[int, ...], dtype: str, way: str | None = None, of: str = "", theta: str = "tanh"
) -> Backpropagation:
    """With compiled passes, or with those of numpy."""
    network = Network(d, theta, "identity").initialise(len(d), 0.7 if max(d) <= 128 else None)
    made = Backpropagation(network, "squared", np.dtype(dtype))
    made.passes = (
        WAYS[way](d, ACTIVATIONS[theta], made.dtype, of) if way else Layerwise(d, ACTIVATIONS[theta], made.dtype)
    )
    made.load(network.w)
    return made


def gradient(engine: Backpropagation, block: Block) -> np.ndarray:
    out = np.full(weight_count(engine.d), np.nan, engine.dtype)
    return np.append(out, engine.gradient(block, out))


def compare(
    d: tuple[int, ...],
    dtype: str,
    way: str,
    rows: Sequence[int],
    factor: float = 1,
    theta: str = "tanh",
    sets: int | None = None,
) -> None:
    """Block after block of so many rows, with every set of instructions that this CPU has, or with the fastest."""
    need_instructions()
    theirs, epsilon = engine(d, dtype, theta=theta), factor * float(np.finfo(dtype).eps)
    blocks = {count: draw(d, count, dtype) for count in rows}
    expected = {
        count: (gradient(theirs, block), theirs.error(block), theirs.outputs(block.x).copy())
        for count, block in blocks.items()
    }
    for of in library.available()[:sets]:
        ours = engine(d, dtype, way, of, theta)
        for count in rows:
            G, e, outputs = expected[count]
            scale = np.abs(G).max()
            np.testing.assert_allclose(gradient(ours, blocks[count]), G, rtol=0, atol=30 * epsilon * scale)
            assert ours.error(blocks[count]) == pytest.approx(e, rel=30 * epsilon)
            np.testing.assert_allclose(ours.outputs(blocks[count].x), outputs, rtol=0, atol=100 * epsilon)
