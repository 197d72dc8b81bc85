"""The report that logs: which records, when at once, and what it says where they cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distnn.runs.directory import RunDirectory
from distnn.runs.options import Options
from distnn.runs.reports import Beginning
from distnn.runs.reports.metrics import MetricsReport
from distnn.training.record import Record


def report_in(folder: Path, said: list[str], elastic: bool = False, every: int = 1) -> MetricsReport:
    report = MetricsReport()
    report.begin(Beginning(Options(elastic=elastic), {}, RunDirectory(folder), every, None, said.append))
    return report


def logged(folder: Path) -> list[int]:
    file = folder / "metrics.jsonl"
    return [json.loads(line)["t"] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize(("elastic", "at_once"), [(False, []), (True, [0, 4, 8])])
def test_evaluations_and_the_last_iteration_are_logged(elastic: bool, at_once: list[int], tmp_path: Path) -> None:
    report = report_in(tmp_path, [], elastic, every=4)
    for t in range(10):
        report.iteration(Record(t, 0.5), done=False)
    assert logged(tmp_path) == at_once
    report.iteration(Record(10, 0.5), done=True)
    assert logged(tmp_path) == [0, 4, 8, 10]


def test_what_is_logged_already_is_not_logged_again(tmp_path: Path) -> None:
    report = report_in(tmp_path, [])
    report.iteration(Record(0, 0.5), done=True)
    directory = RunDirectory(tmp_path)
    directory.cut_metrics(0)
    again = MetricsReport()
    again.begin(Beginning(Options(), {}, directory, 1, Record(0, 0.5), print))
    for t in range(3):
        again.iteration(Record(t, 0.5), done=t == 2)
    assert logged(tmp_path) == [0, 1, 2]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    report = report_in(tmp_path / "missing", said)
    report.iteration(Record(0, 0.5), done=True)
    assert len(said) == 1
    assert "metrics.jsonl cannot be written (No such file or directory); training goes on" in said[0]


def test_communication_stands_in_the_next_line(tmp_path: Path) -> None:
    report = report_in(tmp_path, [], every=2)
    for t in range(5):
        if t in (0, 3):
            report.communication(0.123456, 0.5)
        report.iteration(Record(t, 0.5), done=t == 4)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row.get("communication") for row in rows] == [[0.1235, 0.5], None, [0.1235, 0.5]]
