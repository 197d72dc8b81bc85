"""Turns: who is measured when."""

from __future__ import annotations

import pytest

from distnn.bench.timing import Entry, ratio, take_turns
from distnn.parallel.ranks import OneRank


def test_turns() -> None:
    """All are measured in each turn, not always in the same order, after a first one that is not counted.

    Calls become as long as the visit.
    """
    asked: list[tuple[str, int]] = []

    class Fake:
        def __init__(self, name: str, seconds: float):
            self.name, self.time = name, seconds

        def seconds(self, iterations: int) -> float:
            asked.append((self.name, iterations))
            return self.time

        def close(self) -> None:
            pass

    entries = [Entry("a", 1, True, Fake("a", 0.5)), Entry("b", 1, False, Fake("b", 0.1))]
    take_turns(entries, 9, OneRank(), visit=1)
    a, b = [("a", 1), ("a", 2)], [("b", 1), ("b", 10)]
    turns = [asked[start : start + 4] for start in range(0, len(asked), 4)]
    assert sorted(turns[0]) == [("a", 1), ("a", 1), ("b", 1), ("b", 1)]
    assert len(turns) == 10 and all(turn in (a + b, b + a) for turn in turns[1:])
    assert a + b in turns and b + a in turns
    assert entries[0].seconds == [0.5] * 9
    assert ratio(*entries) == pytest.approx(5)
