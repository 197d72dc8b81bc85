"""What ranks say to each other by MPI, on the ranks of this session; and by threads that play MPI."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from patience import PATIENCE
from threaded_ranks import outcomes

from distnn.errors import RankError, TooLittleRoom, UserError
from distnn.parallel import mpi
from distnn.parallel.ranks import Ranks


@pytest.mark.mpi(min_size=2)
def test_sums_and_maxima_are_of_all_ranks(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpi, "MESSAGE", 3)  # numbers at a time: several messages, the last one shorter
    values = np.arange(10.0).reshape(2, 5) * (ranks.rank + 1)
    ranks.sum(values)
    np.testing.assert_array_equal(values, np.arange(10.0).reshape(2, 5) * ranks.size * (ranks.size + 1) / 2)
    whole = np.full(4, ranks.rank, np.int64)
    ranks.sum(whole)
    assert whole.tolist() == [ranks.size * (ranks.size - 1) / 2] * 4
    largest = np.array([ranks.rank, -ranks.rank], np.float64)
    ranks.maximum(largest)
    assert largest.tolist() == [ranks.size - 1, 0]


@pytest.mark.mpi(min_size=2)
def test_what_all_are_told(ranks: Ranks) -> None:
    assert ranks.broadcast(ranks.rank) == 0
    everyone = list(range(ranks.size))
    assert ranks.gather(ranks.rank) == everyone
    assert ranks.tabled([ranks.rank, 7]).tolist() == [[rank, 7] for rank in everyone]
    words = ranks.merged(str(ranks.rank), lambda a, b: f"({a} {b})")
    assert words.replace("(", "").replace(")", "").split() == list(map(str, everyone)), "in the order of ranks"
    ranks.rest()


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("wanted", [0, 1, 3, 1000])
def test_parts_come_in_order_and_rank_0_may_leave_early(wanted: int, ranks: Ranks) -> None:
    """Rank k has k + 1 parts; whatever rank 0 leaves, the next call is in order again."""
    for _ in range(2):
        found = []
        parts = ranks.in_order((ranks.rank, number) for number in range(ranks.rank + 1))
        if ranks.rank != 0:
            assert list(parts) == []
            continue
        for part in parts:
            if len(found) == wanted:
                break
            found.append(part)
        parts.close()  # type: ignore[attr-defined]
        assert found == [(rank, number) for rank in range(ranks.size) for number in range(rank + 1)][:wanted]


@pytest.mark.mpi(min_size=2)
def test_each_rank_gets_what_the_others_have_for_it(ranks: Ranks) -> None:
    everyone = range(ranks.size)
    assert ranks.exchange([(ranks.rank, other) for other in everyone]) == [(other, ranks.rank) for other in everyone]


@pytest.mark.mpi(min_size=2)
def test_rows_go_where_they_are_wanted(ranks: Ranks) -> None:
    """Rank k holds 2 k rows, so rank 0 none; the first rank wants all but two, the last one two, the others none."""
    n = ranks.size * (ranks.size - 1)
    first = ranks.rank * (ranks.rank - 1)
    own = np.arange(first, first + 2 * ranks.rank, dtype=np.float64)[:, None] * [1, 10]
    start, stop = (0, n - 2) if ranks.rank == 0 else (n - 2, n - 2) if ranks.rank < ranks.size - 1 else (n - 2, n)
    found = ranks.redistribute(own, start, stop)
    np.testing.assert_array_equal(found, np.arange(start, stop)[:, None] * [1, 10])


@pytest.mark.mpi(min_size=2)
def test_all_come_or_not_in_time(ranks: Ranks) -> None:
    assert ranks.all_come(20)


@pytest.mark.mpi(min_size=2)
def test_calls_are_counted_and_their_time_taken(ranks: Any) -> None:
    calls, seconds = ranks.calls, ranks.seconds
    ranks.gather(None)
    ranks.broadcast(None)
    assert ranks.calls == calls + 2 and ranks.seconds > seconds and not ranks.waiting


def test_only_a_contiguous_array_can_be_summed() -> None:
    found = outcomes(2, lambda ranks: ranks.sum(np.zeros((4, 4))[:, :2]))
    assert all(isinstance(error, ValueError) and "contiguous" in str(error) for error in found)


@pytest.mark.parametrize(("error", "kind"), [(UserError("bad file"), UserError), (KeyError("k"), RankError)])
def test_an_error_of_one_rank_is_raised_on_all(error: Exception, kind: type[Exception]) -> None:
    def work(ranks: Ranks) -> None:
        with ranks.sharing_errors():
            if ranks.rank == 1:
                raise error

    found = outcomes(3, work)
    assert [type(one) for one in found] == [kind] * 3
    assert len({str(one) for one in found}) == 1
    assert (kind is UserError) == ("rank 1 failed" not in str(found[0]))


@pytest.mark.mpi(min_size=2)
def test_who_waits_long_sleeps(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0 comes when all others have told it that they sleep; a busy wait would never do so."""
    told: list[float] = []

    def sleep(seconds: float) -> None:
        if not told:
            ranks.post(None, 0)
        told.append(seconds)

    with ranks.sharing_errors():
        if ranks.rank == 0:
            heard, end = 0, time.monotonic() + PATIENCE
            while heard < ranks.size - 1 and time.monotonic() < end:
                heard += len(ranks.posted())
            assert heard == ranks.size - 1
        else:
            monkeypatch.setattr(mpi.time, "sleep", sleep)
    assert bool(told) == (ranks.rank != 0)


def test_errors_in_words() -> None:
    assert mpi.describe(None, 0) is None
    assert mpi.describe(UserError("a"), 3) == ("user", "a")
    assert mpi.describe(TooLittleRoom("b"), 3) == ("room", "b")
    assert (mpi.describe(MemoryError("b"), 3) or ("", ""))[0] == "room"
    assert mpi.describe(RankError("rank 1 failed: b"), 3) == ("rank", "rank 1 failed: b")
    kind, text = mpi.describe(ZeroDivisionError("c"), 3) or ("", "")
    assert kind == "rank" and text.startswith("rank 3 failed: ZeroDivisionError: c\n")
