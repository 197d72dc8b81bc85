"""The rows with the largest errors: the same for any number of ranks, of equal ones the first."""

from __future__ import annotations

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.inference.measures.worst import Worst
from distnn.parallel.ranks import Ranks


@pytest.mark.parametrize("levels", [1, 7, 10**6])
@pytest.mark.parametrize("size", [1, 3])
def test_those_of_all_rows(size: int, levels: int) -> None:
    generator = np.random.default_rng(levels)
    errors = generator.integers(0, levels, 500) / 2
    errors[[40, 450]] = np.nan, np.inf
    expected = np.lexsort((np.arange(500), -np.nan_to_num(errors, nan=np.inf)))[:9]

    def work(ranks: Ranks) -> np.ndarray:
        worst = Worst(9)
        for block in np.array_split(np.array_split(np.arange(500), size)[ranks.rank], 20):
            for _ in range(2):  # a block may be seen again
                worst.offer(block, errors[block], block + 0.25, block + 0.5)
        return worst.result(ranks)

    for found in on_ranks(size, work):
        assert found["row"].tolist() == expected.tolist()
        assert found["row"].tolist()[:2] == [40, 450]
        np.testing.assert_array_equal(found["true"], expected + 0.25)
        np.testing.assert_array_equal(found["predicted"], expected + 0.5)


def test_fewer_rows_than_wanted() -> None:
    def work(ranks: Ranks) -> np.ndarray:
        worst = Worst(10)
        if ranks.rank == 1:
            worst.offer(np.array([7, 3]), np.array([1.0, 2]), np.zeros(2), np.zeros(2))
        return worst.result(ranks)

    for found in on_ranks(3, work):
        assert found["row"].tolist() == [3, 7]
