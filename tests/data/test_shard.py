"""What a rank holds: finding examples by number, and their memory."""

from __future__ import annotations

import numpy as np
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.data.shard import Examples
from distnn.kernels.blocks import Block
from distnn.parallel.ranks import Ranks


def test_every_example_is_found_on_one_rank(small_blocks: None) -> None:
    X, Y = regression(43, d=1)
    chosen = np.array([42, 0, 7, 7, 21, 5])

    def work(ranks: Ranks) -> list[tuple[int, float]]:
        examples = assembled(ranks, X, Y, standardise=False).examples
        places, blocks, columns = examples.find(chosen)
        return [
            (place, examples.blocks[block].x[1, column])
            for place, block, column in zip(places.tolist(), blocks, columns, strict=True)
        ]

    for size in (1, 3, 12):
        found = sorted(pair for pairs in on_ranks(size, work) for pair in pairs)
        assert found == list(enumerate(X[chosen, 0].tolist()))


def test_memory_is_that_of_all_arrays() -> None:
    def block(rows: int, weights: np.ndarray | None) -> Block:
        return Block(np.ones((3, rows), np.float32), np.ones((1, rows), np.float32), weights)

    blocks, validation = [block(5, np.ones(5, np.float32)), block(2, None)], [block(3, np.ones(3, np.float32))]
    examples = Examples(None, blocks, validation, 0, 7, 3, 7.0, 3.0, "")  # type: ignore[arg-type]
    assert examples.bytes == 4 * (5 * 5 + 4 * 2 + 5 * 3)


def test_without_rows_nothing_is_found() -> None:
    examples = Examples(None, [], [], 5, 5, 0, 5.0, 0.0, "")  # type: ignore[arg-type]
    assert all(len(part) == 0 for part in examples.find(np.arange(9)))
    assert examples.bytes == 0
