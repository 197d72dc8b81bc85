"""The report on the console: when a log file gets a line, and what goes where. Terminals are in tests/test_train.py."""

from __future__ import annotations

import pytest

from distnn.runs.reports import End
from distnn.runs.reports.console import ConsoleReport
from distnn.training.record import Record
from distnn.training.termination import Reason

END = End(Reason("why", "what next"), {}, None, [("name", "value")])


def lines(report: ConsoleReport, last: int, capsys: pytest.CaptureFixture[str]) -> list[int]:
    """The t of each line of a training of `last` iterations."""
    for t in range(last + 1):
        report.iteration(Record(t, 1.0), t == last)
    return [int(line.split()[1]) for line in capsys.readouterr().out.splitlines()]


def test_lines_at_growing_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(ConsoleReport(None), 2300, capsys) == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 2300]


def test_lines_as_often_as_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(ConsoleReport(None, every=4), 10, capsys) == [0, 4, 8, 10]


def test_warnings_go_to_stderr_and_are_said_also_by_who_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    report = ConsoleReport(None, quiet=True)
    report.say("a sentence")
    report.iteration(Record(1, 1.0), True)
    report.end(END)
    report.warn("[red] is no markup")
    assert capsys.readouterr() == ("", "distnn: [red] is no markup\n")


def test_the_table_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    report = ConsoleReport(None)
    report.end(END)
    report.close()
    assert capsys.readouterr().out == "name  value\n"
