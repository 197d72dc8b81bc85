"""After a loss of ranks the others go on from where the one stands that has come farthest."""

from __future__ import annotations

from threaded_ranks import on_ranks

from distnn.errors import RanksLost
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import Recovery, carry_on, farthest
from distnn.training.progress import Progress
from distnn.training.record import Record


class Lossy(OneRank):
    """A rank that is told of losses."""

    size = 3

    def all_finished(self, finished: bool) -> bool:
        return finished

    def regroup(self) -> None:
        self.size -= 1


def test_an_attempt_begins_where_the_last_one_stopped() -> None:
    ranks, progress = Lossy(), object.__new__(Progress)
    progress.record = None
    seen = []

    def attempt(recovery: Recovery) -> int:
        seen.append((recovery.progress, recovery.ranks_lost))
        recovery.progress = progress
        if len(seen) < 3:
            raise RanksLost("two have died")
        return 75

    assert carry_on(ranks, attempt) == 75
    # A progress without a record is none: another rank may not even have that.
    assert seen == [(None, 0), (None, 1), (None, 2)]
    assert farthest(None, ranks) is None


def test_the_rank_that_has_come_farthest_is_followed() -> None:
    def reached(t: int | None) -> Progress | None:
        if t is None:
            return None
        progress = object.__new__(Progress)
        progress.best_t, progress.record = t, Record(t, 0.5) if t >= 0 else None
        return progress

    for ts, expected in (([4, 5, 4], 5), ([5, 5, 5], 5), ([None, 0, None], 0), ([None, -1, None], None)):
        found = on_ranks(3, lambda ranks: farthest(reached(ts[ranks.rank]), ranks))  # noqa: B023
        assert [progress and progress.best_t for progress in found] == [expected] * 3
