"""The log of metrics: appended to, cut where a run goes on, and readable as JSON."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from distnn.runs.metrics import Metrics, number
from distnn.training.record import Record


def logged(path: Path, *ts: int) -> Metrics:
    metrics = Metrics(path)
    for t in ts:
        metrics.append(Record(t, 0.5, seconds=t / 10), at_once=False)
    return metrics


def iterations(path: Path) -> list[int]:
    return [json.loads(line)["t"] for line in path.read_text().splitlines()]


def test_records_are_on_disk_within_a_second_or_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = logged(path, 0, 5, 10)
    assert not path.exists()
    metrics.append(Record(11, 0.5, seconds=1.1), at_once=False)
    assert iterations(path) == [0, 5, 10, 11]
    metrics.append(Record(12, 0.5, seconds=1.2), at_once=True)
    assert iterations(path) == [0, 5, 10, 11, 12]
    metrics.append(Record(13, 0.5, seconds=1.3), at_once=False)
    metrics.flush()
    assert iterations(path) == [0, 5, 10, 11, 12, 13]


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    Metrics(path).append(Record(0, math.inf, step=math.nan, stale=3), at_once=True)
    found = json.loads(path.read_text())
    assert (found["E_in"], found["step"], found["stale"], found["t"]) == (None, None, 3, 0)


def test_what_a_file_holds_as_a_number() -> None:
    assert (number(3), number(-0.5)) == (3.0, -0.5)
    assert all(math.isnan(number(value)) for value in (None, "3", [3], 10**400, math.nan))


def test_cutting_drops_later_records_and_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = logged(path, 0, 1, 2, 3)
    metrics.flush()
    path.write_text(path.read_text() + '{"t": 1, "E_')
    metrics.cut(2)
    assert (metrics.last, iterations(path)) == (2, [0, 1, 2])
    metrics.append(Record(3, 0.5), at_once=True)  # into the file that took the other's place
    assert iterations(path) == [0, 1, 2, 3]
    Metrics(tmp_path / "none").cut(5)
    assert not (tmp_path / "none").exists()


def test_one_that_was_deleted_or_moved_is_begun_anew_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = logged(path, 0, 1)
    assert metrics.flush() is None
    for t, remove in ((2, path.unlink), (3, lambda: path.rename(tmp_path / "kept"))):
        remove()
        said = metrics.append(Record(t, 0.5), at_once=True)
        assert said == f"{path} was deleted, and is begun anew; its older records are lost."
        assert metrics.append(Record(t + 10, 0.5), at_once=True) is None
        assert iterations(path) == [t, t + 10]


def test_a_line_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics, write = logged(path, 0), os.write
    metrics.flush()

    def half(file: int, data: bytes) -> int:
        if len(data) <= 10:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) - 10])

    monkeypatch.setattr(os, "write", half)
    said = metrics.append(Record(1, 0.5), at_once=True)
    assert said == f"{path} cannot be written (No space left on device); training goes on, and it is tried again."
    assert metrics.append(Record(2, 0.5), at_once=True) is None  # said before
    assert iterations(path) == [0]
    monkeypatch.undo()
    assert metrics.append(Record(3, 0.5), at_once=True) is None
    assert iterations(path) == [0, 1, 2, 3]
    monkeypatch.setattr(os, "write", half)
    assert metrics.append(Record(4, 0.5), at_once=True) is not None  # it began to go wrong once more
