"""Numbers that may stand for missing ones, and targets of 0 and 1, seen by all ranks together."""

from __future__ import annotations

import numpy as np
from threaded_ranks import on_ranks

from distnn.data.hints import BEYOND, COUNTS, DATED, DIFFERENT, Hints
from distnn.data.rows import Rows
from distnn.parallel.ranks import Ranks


def test_what_all_ranks_have_seen() -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[[3, 30, 50], 0] = -999  # often, and the least
    X[7, 1] = -999  # once
    X[[3, 9], 2], X[1, 2] = 999, 2000  # often, but not the largest
    X[:, 3] = 999  # nothing else is there
    y = np.r_[np.zeros(40), np.ones(20)][:, None]

    def work(ranks: Ranks, targets: np.ndarray) -> Hints:
        hints = Hints(4, 1)
        for part in np.array_split(np.arange(60), 7)[ranks.rank :: ranks.size]:
            hints.look(Rows(part, X[part], targets[part]))
        hints.share(ranks)
        return hints

    for size in (1, 3):
        for hints in on_ranks(size, lambda ranks: work(ranks, y)):
            assert hints.suspects == {0: (-999.0, 3)} and hints.binary
        y[59] = 0.5
        assert not any(hints.binary for hints in on_ranks(size, lambda ranks: work(ranks, y)))
        y[59] = 1


def test_rows_that_are_there_more_than_once() -> None:
    """Also on another rank, and where -0 is 0; but not where the target differs, or a column is another one's."""
    X = np.random.default_rng(0).integers(0, 9, (40, 2)) / 8
    X = np.unique(X, axis=0)[:20]
    X, y = (
        np.vstack([X, X[:10], X[10:, ::-1] + [[0, 20.0]]]),
        np.r_[np.zeros(20), -np.zeros(5), np.ones(5), np.zeros(10)],
    )

    def work(ranks: Ranks) -> float:
        hints = Hints(2, 1)
        for part in np.array_split(np.arange(40), 7)[ranks.rank :: ranks.size]:
            hints.look(Rows(part, X[part], y[part, None]))
        hints.share(ranks)
        return hints.copies

    for size in (1, 3):
        assert on_ranks(size, work) == [5 / 40] * size


def test_inputs_that_may_be_no_quantities() -> None:
    generator = np.random.default_rng(0)
    rows = np.arange(60.0)
    dates = np.array([20231230, 20231231, 20240101, 20240102.0])
    ids = (10**17 + generator.integers(0, 10**9, 60)).astype(float)
    almost = rows + (rows == 40)
    X = np.column_stack(
        [
            *(rows, rows + 7, dates[rows.astype(int) % 4], ids, generator.permutation(60) * 3 + 1000.0),
            *(almost, generator.normal(size=60), rows * 2 + 0.5, rows % 2, 20240100 + rows % 9, 1e17 * (rows % 9 + 1)),
            *(
                generator.integers(0, 10, 60) + 1e12,
                10**20 + ids,
                -ids,
                1e16 + 2 * (ids % 1000),
                dates[:1].repeat(60),
            ),
        ]
    )
    expected = {0: COUNTS, 1: COUNTS, 2: DATED, 3: BEYOND, 4: DIFFERENT, 12: DIFFERENT, 13: DIFFERENT, 14: BEYOND}

    def work(ranks: Ranks, X: np.ndarray, n: int = 60) -> Hints:
        hints = Hints(X.shape[1], 0)
        for part in np.array_split(np.arange(n), 3)[ranks.rank :: ranks.size]:
            hints.look(Rows(part, X[part], np.empty((len(part), 0))))
        hints.share(ranks)
        return hints

    for size in (1, 2, 5):
        for hints in on_ranks(size, lambda ranks: work(ranks, X)):
            assert hints.doubts == expected
        assert not any(hints.doubts for hints in on_ranks(size, lambda ranks: work(ranks, X[:, :1])))
        assert not any(hints.doubts for hints in on_ranks(size, lambda ranks: work(ranks, X, 19)))
