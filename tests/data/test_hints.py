"""Numbers that may stand for missing ones, and targets of 0 and 1, seen by all ranks together."""

from __future__ import annotations

import numpy as np
from threaded_ranks import on_ranks

from distnn.data.hints import Hints
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
