"""A rank's rows on its device: blocks of one shape, in chunks of one shape, so that one program serves all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from distnn.kernels.blocks import Block

CHUNK_BYTES = 64 << 20  # of a chunk: a call takes some ten microseconds, a pass over so much far longer


class Shape(NamedTuple):
    """What all ranks' chunks of some blocks have in common. Replicated.

    blocks: in a chunk; rows: of a block, of which the last ones may be empty; inputs: d^(0) + 1; outputs: d^(L).
    """

    blocks: int
    rows: int
    inputs: int
    outputs: int
    dtype: np.dtype

    @classmethod
    def of(cls, count: int, rows: int, inputs: int, outputs: int, dtype: np.dtype) -> Shape:
        """For `count` blocks, of all ranks together."""
        block = rows * (inputs + outputs + 1) * dtype.itemsize
        return cls(max(1, min(count, CHUNK_BYTES // max(1, block))), rows, inputs, outputs, dtype)

    def of_block(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of a block's x, y and weights."""
        return (self.inputs, self.rows), (self.outputs, self.rows), (self.rows,)

    def empty(self) -> Block:
        """Memory for a chunk, of rows without weight: x, y and weights of one block after another."""
        return Block(*(np.zeros((self.blocks, *of), self.dtype) for of in self.of_block()))


class Rows:
    """Blocks, put on the device once: chunks, of which each is x, y and weights there. Local."""

    def __init__(self, blocks: Sequence[Block], shape: Shape, device: Any):
        self.shape, self.chunks = shape, []
        for start in range(0, len(blocks), shape.blocks):
            chunk = shape.empty()
            for j in range(start, min(start + shape.blocks, len(blocks))):
                fill(chunk, j - start, blocks[j])
            self.chunks.append(jax.device_put(tuple(chunk), device))


def fill(chunk: Block, j: int, block: Block) -> None:
    """Write a block to place j of a chunk."""
    width = block.x.shape[1]
    chunk.x[j, :, :width], chunk.y[j, :, :width] = block.x, block.y
    chunk.weights[j, :width] = 1 if block.weights is None else block.weights  # type: ignore[index]
