"""Means and medians over ranks, against numpy and math.fsum."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.filling import FILLERS, together
from distnn.data.shelf import Room
from distnn.parallel.ranks import Ranks

generator = np.random.default_rng(0)
COLUMNS = [
    generator.normal(size=41),
    np.r_[generator.lognormal(sigma=9, size=20), -1e300, 1e300, 0.0, -0.0],
    np.array([]),
    np.array([1.7e308, 1.7e308]),
    generator.integers(-3, 3, 44).astype(float),
    np.array([-np.float64(5e-324), 5e-324, -0.0]),
]
CHUNK, COUNT = 4, 11
TABLE = np.full((len(COLUMNS), COUNT * CHUNK), np.nan)
for row, column in zip(TABLE, COLUMNS, strict=True):
    row[np.sort(generator.permutation(row.size)[: len(column)])] = column
TABLE[0, np.isnan(TABLE[0])] *= -1  # NaN with a sign is NaN


def found(ranks: Ranks, how: str, room: Room) -> np.ndarray:
    """What fills the gaps of TABLE, whose chunks are cut over the ranks."""
    filler = FILLERS[how](len(COLUMNS), room)
    for chunk in range(COUNT * ranks.rank // ranks.size, COUNT * (ranks.rank + 1) // ranks.size):
        filler.add(TABLE[:, chunk * CHUNK : (chunk + 1) * CHUNK])
    return filler(COUNT, ranks)


@pytest.mark.parametrize("memory", [None, 100])
@pytest.mark.parametrize("size", [1, 2, 5, 13])
def test_they_are_exact(size: int, memory: int | None, tmp_path: Path) -> None:
    def work(ranks: Ranks) -> tuple[np.ndarray, np.ndarray, int]:
        room = Room(memory, str(tmp_path))
        return found(ranks, "mean", room), found(ranks, "median", room), room.file_used

    every = on_ranks(size, work)
    assert (memory is None) != any(used > 0 for _, _, used in every), "numbers beyond the memory are in a file"
    alone = on_ranks(1, lambda ranks: found(ranks, "mean", Room()).tobytes())[0]
    for mean, median, _ in every:
        assert mean.tobytes() == alone
        for i, values in enumerate(COLUMNS):
            if not len(values):
                assert np.isnan(mean[i]) and np.isnan(median[i])
                continue
            assert median[i] == (np.median(values) if i != 3 else 1.7e308)
            exact = math.fsum(value / len(values) for value in values)
            assert abs(mean[i] - exact) <= 1e-14 * np.abs(values).max()


def test_a_column_that_is_not_there_is_missing() -> None:
    rows = np.array([True, False, True])
    np.testing.assert_array_equal(together({3: np.arange(3.0)}, (5, 3), rows), [[np.nan, np.nan], [0, 2]])
