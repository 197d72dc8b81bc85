"""Who trains what next: every member once, whoever asks, and what stops one stops all."""

from __future__ import annotations

import time
from typing import Any

import pytest
from patience import PATIENCE
from threaded_ranks import on_ranks

from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.farm import schedule as module
from distnn.runs.farm.schedule import Root, Schedule
from distnn.training.interruption import PRUNED


@pytest.fixture(autouse=True)
def a_hang_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = module._wait

    def impatient(ranks: Ranks, whom: list[int], since: float, patience: float) -> None:
        assert time.monotonic() - since < PATIENCE
        wait(ranks, whom, since, patience)

    monkeypatch.setattr(module, "_wait", impatient)


def make(ranks: Ranks, members: int, found: dict[int, Any]) -> Schedule:
    if ranks.rank:
        return Schedule(ranks, 0.0)
    return Root(ranks, 0.0, range(members), range(1, ranks.size), found.__setitem__)


def test_one_rank_trains_all_in_order() -> None:
    found: dict[int, Any] = {}
    schedule, order, done = make(OneRank(), 3, found), [], None
    while (number := schedule.next(done)) is not None:
        order.append(number)
        done = number, -number
    assert order == [0, 1, 2] and found == {0: 0, 1: -1, 2: -2}


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("size", [2, 4])
def test_every_member_is_trained_once_and_rank_0_knows_what_it_came_to(size: int, early: bool) -> None:
    found: dict[int, Any] = {}

    def work(ranks: Ranks) -> list[int]:
        schedule, own, done = make(ranks, 20, found), [], None
        while (number := schedule.next(done)) is not None:
            for _ in range(3):  # iterations
                time.sleep(0.002)
                assert schedule.look() == 0
            own.append(number)
            if early:
                schedule.ask()
                time.sleep(0.003 * (ranks.rank == 1))  # files
                schedule.look()  # which may hear the answer
            done = number, (number, ranks.rank)
        if isinstance(schedule, Root):
            schedule.wait()
        ranks.rest()
        assert ranks.posted() == []
        return own

    trained = on_ranks(size, work)
    assert sorted(number for own in trained for number in own) == list(range(20))
    assert found == {number: (number, rank) for rank, own in enumerate(trained) for number in own}


def test_others_begin_though_rank_0_never_looks() -> None:
    """It may take long to read its rows: the first members are dealt out before."""

    def work(ranks: Ranks) -> int:
        schedule = make(ranks, 3, {})
        first = schedule.next(None)
        ranks.rest()  # rank 0 comes here after its own
        while schedule.next(None) is not None:
            pass
        if isinstance(schedule, Root):
            schedule.wait()
        return int(first)

    assert sorted(on_ranks(3, work)) == [0, 1, 2]


def test_who_asks_before_it_writes_its_files_has_its_answer_though_rank_0_writes_its_own() -> None:
    def work(ranks: Ranks) -> list[int]:
        schedule = make(ranks, 4, {})
        own = [schedule.next(None)]
        if ranks.rank:
            schedule.ask()
        ranks.rest()
        if ranks.rank == 0:
            schedule.ask()  # its own training is over, too: its files follow
        else:
            own.append(schedule.next((1, None)))
        ranks.rest()  # rank 0 has written them
        return own

    assert on_ranks(2, work) == [[0], [1, 2]]


def test_a_member_that_was_dealt_before_all_stop_is_not_begun_and_the_last_one_counts() -> None:
    found: dict[int, Any] = {}

    def work(ranks: Ranks) -> None:
        schedule = make(ranks, 9, found)
        schedule.next(None)
        if ranks.rank:
            schedule.ask()
        ranks.rest()
        if ranks.rank == 0:
            schedule.ask()
            schedule.stop(15)
        ranks.rest()
        assert schedule.next((ranks.rank, "result")) is None
        if isinstance(schedule, Root):
            schedule.wait()
        ranks.rest()
        assert ranks.posted() == []

    on_ranks(3, work)
    assert found == dict.fromkeys(range(3), "result")


def test_rank_0_waits_for_the_last_files_and_says_nothing_after_the_last_word() -> None:
    found: dict[int, Any] = {}

    def work(ranks: Ranks) -> None:
        schedule = make(ranks, 2, found)
        number = schedule.next(None)
        if ranks.rank:
            schedule.ask()
        ranks.rest()
        schedule.ask()  # rank 0: there are no more
        if isinstance(schedule, Root):
            assert schedule.next((number, "result")) is None
            schedule.stop(15)
            schedule.wait()
            assert found == {0: "result", 1: "result"}
        else:
            time.sleep(0.05)  # its files
            assert schedule.next((number, "result")) is None and not schedule.stopped
        ranks.rest()
        assert ranks.posted() == []

    on_ranks(2, work)


@pytest.mark.parametrize("first", [0, 2])
def test_what_stops_one_group_stops_all_and_no_other_member_begins(first: int) -> None:
    found: dict[int, Any] = {}

    def work(ranks: Ranks) -> tuple[int, int]:
        schedule, begun, done = make(ranks, 1000, found), 0, None
        while schedule.next(done) is not None:
            begun += 1
            if ranks.rank == first:
                schedule.stop(15)
                done = None
                continue
            while not schedule.look():
                time.sleep(0.002)
            done = None
        if isinstance(schedule, Root):
            schedule.wait()
        ranks.rest()
        assert ranks.posted() == []  # no message is left for the end of MPI
        return schedule.stopped, begun

    for stopped, begun in on_ranks(3, work):
        assert stopped == 15 and begun <= 1


def test_a_group_that_gives_no_sign_of_life_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The aborts of these ranks are exceptions."""

    class Ended(Exception):
        pass

    class Deaf(OneRank):
        size = 2

        def post(self, value: Any, rank: int) -> None:
            pass

        def abort(self, code: int) -> None:
            raise Ended(code)

    monkeypatch.setattr(module, "SLEEP_SECONDS", 0.0)
    with pytest.raises(Ended):
        Root(Deaf(), 0.01, [], [1], lambda number, result: None).wait()
    assert "rank 1 gave no sign of life for 0.01 s (--watchdog)" in capsys.readouterr().err
    with pytest.raises(Ended):
        Schedule(Deaf(), 0.01).next(None)
    assert "rank 0 gave no sign of life" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1, 3])
def test_a_member_whose_report_is_bad_is_pruned_and_no_other_one(size: int) -> None:
    """Also where the word comes when the next one has begun: this one has not reported yet, or it is not its number."""
    found: dict[int, Any] = {}

    def work(ranks: Ranks) -> None:
        schedule = make(ranks, 12, found)
        if isinstance(schedule, Root):
            schedule._prunes = lambda number, t, value: value > number
        done = None
        while (number := schedule.next(done)) is not None:
            assert schedule.look() == 0
            schedule.report(number, 4, number)
            assert schedule.look() == 0
            schedule.report(number, 8, number + number % 2)
            if number % 2 and number % 3:  # the others come to their end before they hear of it
                while not schedule.look():
                    time.sleep(0.002)
                assert schedule.look() == PRUNED
            done = number, None
        if isinstance(schedule, Root):
            schedule.wait()
        ranks.rest()
        assert ranks.posted() == [] and not schedule.stopped

    on_ranks(size, work)
    assert len(found) == 12
