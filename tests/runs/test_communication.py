"""The shares of communication: the least and the most of the ranks, since the last time."""

from __future__ import annotations

import pytest
from threaded_ranks import on_ranks

from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs import communication
from distnn.runs.communication import CommunicationShares


def test_the_least_and_the_most_of_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank r has waited r + 1 of 10 seconds, and then nothing more."""

    def measured(ranks: Ranks) -> list[tuple[float, float]]:
        shares = CommunicationShares(ranks)
        found = []
        for waited in (ranks.rank + 1.0, 0.0):
            monkeypatch.setattr(communication.time, "perf_counter", lambda: shares._began + 10)
            shares._waited = ranks.seconds - waited
            found.append(shares.measure())
        return found

    for first, then in on_ranks(3, measured):
        assert first == pytest.approx((0.1, 0.3), abs=0.01)
        assert then == pytest.approx((0.0, 0.0), abs=0.01)


def test_when_it_is_due() -> None:
    def due(ranks: Ranks) -> list[int]:
        shares = CommunicationShares(ranks)
        return [t for t in range(8, 25) if shares.due(t, 8)]

    assert on_ranks(2, due) == [[16, 24]] * 2
    assert due(OneRank()) == []
    assert on_ranks(2, lambda ranks: [CommunicationShares(ranks).due(5, 0)]) == [[False]] * 2
