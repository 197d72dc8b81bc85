"""Delivery: all iterations once and in order, through failures; the training never waits."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from tracking import course, row
from trainings import wait_until

from distnn.errors import DONE
from distnn.runs.trackers import Course, Tracker, delivery
from distnn.runs.trackers.delivery import Delivery
from distnn.runs.trackers.tracker import Numbers, Outcome
from distnn.training.record import Record

PATIENCE = 120.0  # only a thread that hangs takes so long


class Service(Tracker):
    """Keeps what it gets. has: the last iteration that it has already. gate: what it waits for in each call.

    failing: how often it is yet to fail.
    """

    most = 7

    def __init__(self, has: int = -1, failing: int = 0):
        self.has, self.failing = has, failing
        self.got: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.outcome: Outcome | None = None

    def _work(self) -> None:
        assert self.gate.wait(PATIENCE)
        if self.failing:
            self.failing -= 1
            raise ConnectionError("no server\nthere")

    def begin(self, course: Course) -> int:
        self._work()
        course.memory.setdefault("run", "first")
        self.memory = course.memory
        return self.has

    def log(self, rows: Sequence[Numbers]) -> None:
        assert len(rows) <= self.most
        self._work()
        self.got += [int(row["t"] or 0) for row in rows]

    def end(self, outcome: Outcome) -> None:
        self._work()
        self.outcome = outcome


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK", "RETRY", "RARELY", "BETWEEN"):
        monkeypatch.setattr(delivery, name, 0.001)
    monkeypatch.setattr(delivery, "SHARE", 1.0)


def delivered(service: Service, folder: Path, start: int, stop: int, t: int = -1) -> Delivery:
    """Iterations [start, stop) of a run that goes on from t."""
    made = Delivery("service", service, course(folder, t))
    for number in range(start, stop):
        made.put(Record(number, 0.5), number == stop - 1)
    made.over(Outcome(DONE))
    assert made.wait(PATIENCE)
    return made


def test_all_iterations_arrive_once_and_in_order(tmp_path: Path) -> None:
    service = Service()
    made = delivered(service, tmp_path, 0, 100)
    assert (service.got, made.complete, list(made.said)) == (list(range(100)), True, [])
    assert service.outcome == Outcome(DONE)
    assert json.loads((tmp_path / "track-service.json").read_text()) == {
        "tracker": "service",
        "memory": {"run": "first"},
    }


@pytest.mark.parametrize("failing", [1, 2, 5])
def test_what_fails_is_tried_again_and_said_once(failing: int, tmp_path: Path) -> None:
    service = Service(failing=failing)
    made = delivered(service, tmp_path, 0, 20)
    assert (service.got, made.complete) == (list(range(20)), True)
    assert list(made.said) == [
        "--track service fails; training goes on, and it is tried again now and then "
        "(ConnectionError: no server there)."
    ]


def test_what_fails_for_ever_comes_to_an_end(tmp_path: Path) -> None:
    made = delivered(Service(failing=10**9), tmp_path, 0, 20)
    assert not made.complete
    assert made.leave() == 20
    assert len(made.said) == 1


@pytest.mark.parametrize(("has", "expected"), [(5, range(6, 15)), (9, range(10, 15)), (-1, range(15))])
def test_a_run_that_goes_on_brings_what_is_missing(has: int, expected: range, tmp_path: Path) -> None:
    """It goes on from 9, which comes once more; the log has all until then, and lines that are none."""
    lines = [json.dumps(row(t)) for t in range(10)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines[:5], "{", "[]", '{"t": 7}', *lines[5:]]) + '\n{"t": 1')
    service = Service(has)
    delivered(service, tmp_path, 9, 15, t=9)
    assert service.got == list(expected)


@pytest.mark.parametrize(("t", "expected"), [(-1, "first"), (3, "before")])
def test_what_a_run_remembers(t: int, expected: str, tmp_path: Path) -> None:
    (tmp_path / "track-service.json").write_text('{"tracker": "service", "memory": {"run": "before"}}')
    service = Service()
    delivered(service, tmp_path, 4, 6, t)
    assert service.memory["run"] == expected


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"memory": 3}'])
def test_a_damaged_memory_is_none(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "track-service.json").write_text(damaged)
    service = Service()
    delivered(service, tmp_path, 4, 6, 3)
    assert (service.memory, service.got) == ({"run": "first"}, [4, 5])


def test_a_service_that_hangs_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many iterations every second is left out, then every fourth, and so on; the last one is never."""
    monkeypatch.setattr(delivery, "WAITING", 10)
    service = Service()
    service.gate.clear()
    made = Delivery("service", service, course(tmp_path))
    for t in range(101):
        made.put(Record(t, 0.5), t == 100)
    assert not made.wait(0.01)
    service.gate.set()
    made.over(Outcome(DONE))
    assert made.wait(PATIENCE)
    assert service.got == [*range(0, 100, 16), 100]
    assert list(made.said) == [
        "--track service is slower than the training: it gets only some of the iterations from now on; metrics.jsonl "
        "has all of them."
    ]


def test_records_that_are_thinned_while_they_are_on_their_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WAITING", 10)
    service = Service()
    made = Delivery("service", service, course(tmp_path))
    made.put(Record(0, 0.5), False)
    wait_until(lambda: service.got == [0], "the first", PATIENCE)
    service.gate.clear()
    for t in range(1, 30):
        made.put(Record(t, 0.5), False)
    service.gate.set()
    made.over(Outcome(DONE))
    assert made.wait(PATIENCE)
    assert service.got == sorted(set(service.got))
    assert set(range(0, 29, 4)) <= set(service.got)
