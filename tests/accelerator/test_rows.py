"""Chunks of one shape: what is left over has no weight."""

from __future__ import annotations

import numpy as np

from distnn.accelerator.devices import take
from distnn.accelerator.rows import CHUNK_BYTES, Rows, Shape
from distnn.kernels.blocks import Block
from distnn.parallel.ranks import OneRank


def test_blocks_in_chunks() -> None:
    shape = Shape(2, 4, 3, 1, np.dtype(np.float32))
    blocks = [Block(np.full((3, 4 - j), j, np.float32), np.ones((1, 4 - j), np.float32), None) for j in range(3)]
    blocks[1] = blocks[1]._replace(weights=np.array([0.5, 2, 0], np.float32))
    rows = Rows(blocks, shape, take("xla-cpu", OneRank()))
    assert [tuple(part.shape for part in chunk) for chunk in rows.chunks] == [((2, 3, 4), (2, 1, 4), (2, 4))] * 2
    weights = np.concatenate([np.asarray(chunk[2]) for chunk in rows.chunks])
    assert weights.tolist() == [[1, 1, 1, 1], [0.5, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert (np.asarray(rows.chunks[1][0])[0, :, :2] == 2).all()


def test_the_shape_of_a_chunk_knows_no_ranks() -> None:
    f64 = np.dtype(np.float64)
    assert Shape.of(64, 1000, 30, 2, f64).blocks == 64
    wide = Shape.of(10**6, 8192, 31, 1, f64)
    assert wide.blocks * wide.rows * 33 * 8 <= CHUNK_BYTES < (wide.blocks + 1) * wide.rows * 33 * 8
    assert Shape.of(3, 10**7, 1000, 1, f64).blocks == 1
    assert Shape.of(0, 1, 3, 1, f64).blocks == 1
