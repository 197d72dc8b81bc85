"""Reports hear all of a training, and one that fails is left out while the training goes on."""

from __future__ import annotations

import pytest

from distnn.runs.reports import End, Report, Reports
from distnn.training.record import Record
from distnn.training.termination import Reason

END = End(Reason("why", "what next"), {"t": 7}, None, [])


class Heard(Report):
    """Keeps what it hears; fails: where it raises instead."""

    def __init__(self, *fails: str):
        self.heard: list[str] = []
        self.fails = fails

    def _hear(self, what: str, text: str = "") -> None:
        if what in self.fails:
            raise ConnectionError(f"no {what}")
        self.heard.append(f"{what} {text}".strip())

    def say(self, text: str) -> None:
        self._hear("say", text)

    def warn(self, text: str) -> None:
        self._hear("warn", text)

    def begin(self, beginning: object) -> None:
        self._hear("begin")

    def iteration(self, record: Record, done: bool) -> None:
        self._hear("iteration", f"{record.t}{' done' if done else ''}")

    def end(self, end: End) -> None:
        self._hear("end")

    def close(self) -> None:
        self._hear("close")


def train(report: Report) -> None:
    report.say("hello")
    report.begin(None)  # type: ignore[arg-type]
    report.iteration(Record(0, 1.0), False)
    report.iteration(Record(1, 0.5), True)
    report.end(END)
    report.close()


COURSE = ["say hello", "begin", "iteration 0", "iteration 1 done", "end", "close"]


def test_all_hear_all() -> None:
    first, second = Heard(), Heard()
    train(Reports({"first": first, "second": second}))
    assert first.heard == second.heard == COURSE


@pytest.mark.parametrize("where", ["say", "begin", "iteration", "end", "close"])
def test_one_that_fails_is_left_out_and_it_is_said(where: str) -> None:
    first, bad, last = Heard(), Heard(where, "close"), Heard()
    train(Reports({"first": first, "bad": bad, "last": last}))
    said = f"warn the report bad failed, and is left out from now on; training goes on (ConnectionError: no {where})."
    assert bad.heard == COURSE[: [line.split()[0] for line in COURSE].index(where)]
    for other in (first, last):
        assert [line for line in other.heard if line != said] == COURSE
        assert other.heard.count(said) == 1


def test_those_that_fail_while_another_ones_failure_is_said() -> None:
    all_bad = {name: Heard("say", "warn") for name in ("a", "b", "c")}
    reports = Reports(all_bad)
    train(reports)
    assert all(report.heard == ["close"] for report in all_bad.values())
