"""What rank 0 gets of all ranks, one rank after another; meanwhile the others hear that it goes on."""

from __future__ import annotations

import pytest
from threaded_ranks import on_ranks

from distnn.parallel import in_order
from distnn.parallel.ranks import Ranks


@pytest.mark.parametrize("size", [2, 5])
def test_the_parts_of_all_ranks_in_their_order(size: int) -> None:
    found = on_ranks(size, lambda ranks: list(ranks.in_order([(ranks.rank, j) for j in range(ranks.rank % 3)])))
    assert found[0] == [(rank, j) for rank in range(size) for j in range(rank % 3)]
    assert found[1:] == [[]] * (size - 1)


def test_a_rank_that_waits_hears_that_rank_0_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no watchdog takes it for one that hangs, however long all parts take: before its turn, and after it."""

    def calls(seconds: float) -> list[int]:
        monkeypatch.setattr(in_order, "WORD_SECONDS", seconds)

        def work(ranks: Ranks) -> int:
            list(ranks.in_order("abcd"))
            return ranks.calls

        return on_ranks(3, work)[1:]

    quiet, told = calls(1000), calls(-1)
    assert [b - a for a, b in zip(quiet, told, strict=True)] == [12, 12], "a word after each of 3 × 4 parts"


@pytest.mark.parametrize("taken", [0, 1, 6])
def test_rank_0_may_leave_early(taken: int) -> None:
    def work(ranks: Ranks) -> int:
        parts = ranks.in_order("abcd")
        for _ in range(taken if ranks.rank == 0 else 1):
            next(parts, None)
        parts.close()  # type: ignore[attr-defined]
        ranks.gather(0)
        return ranks.rank

    assert on_ranks(3, work) == [0, 1, 2]
