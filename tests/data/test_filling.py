"""Means and medians over ranks, against numpy and math.fsum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.filling import Parts, means, medians
from distnn.parallel.ranks import Ranks

generator = np.random.default_rng(0)
COLUMNS = {
    3: generator.normal(size=41),
    5: np.r_[generator.lognormal(sigma=9, size=20), -1e300, 1e300, 0.0, -0.0],
    7: np.array([]),
    9: np.array([1.7e308, 1.7e308]),
}
CHUNK = 4


def share(ranks: Ranks) -> tuple[Parts, int]:
    """This rank's chunks of the columns, and how many all have."""
    count = 11
    mine = range(count * ranks.rank // ranks.size, count * (ranks.rank + 1) // ranks.size)
    return [{j: values[i * CHUNK : (i + 1) * CHUNK] for j, values in COLUMNS.items()} for i in mine], count


@pytest.mark.parametrize("size", [1, 2, 5])
def test_they_are_exact(size: int) -> None:
    def work(ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
        parts, count = share(ranks)
        return means(parts, [*COLUMNS], count, ranks), medians(parts, [*COLUMNS], ranks)

    for mean, median in on_ranks(size, work):
        for i, values in enumerate(COLUMNS.values()):
            if not len(values):
                assert np.isnan(mean[i]) and np.isnan(median[i])
                continue
            assert median[i] == (np.median(values) if len(values) > 2 else 1.7e308)
            exact = math.fsum(value / len(values) for value in values)
            assert abs(mean[i] - exact) <= 1e-14 * np.abs(values).max()
    alone = work_alone()
    assert all(found[0].tobytes() == alone for found in on_ranks(size, work))


def work_alone() -> bytes:
    """The bits of the means on one rank."""

    def work(ranks: Ranks) -> np.ndarray:
        parts, count = share(ranks)
        return means(parts, [*COLUMNS], count, ranks)

    return bytes(on_ranks(1, work)[0].tobytes())
