"""metrics.csv: what pandas reads, in a run that goes on, and where the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas
import pytest
from tracking import course, rows

from distnn.errors import DONE
from distnn.runs.trackers.csv import tracker
from distnn.runs.trackers.tracker import Outcome
from distnn.training.record import Record


def read(folder: Path) -> pandas.DataFrame:
    return pandas.read_csv(folder / "metrics.csv")


def written(folder: Path, *parts: tuple[int, int]) -> None:
    table = tracker()
    assert table.begin(course(folder)) == -1
    for start, stop in parts:
        table.log(rows(start, stop))
    table.end(Outcome(DONE))


def test_pandas_reads_every_number(tmp_path: Path) -> None:
    written(tmp_path, (0, 3), (3, 20))
    found = read(tmp_path)
    assert tuple(found.columns) == tuple(Record.__slots__)
    assert found["t"].tolist() == list(range(20))
    np.testing.assert_allclose(found["E_in"], 1 / np.arange(1, 21), rtol=1e-15)
    assert found["E_val"].isna().all()


def test_a_new_run_begins_a_new_table(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("what another run has left\n")
    written(tmp_path, (0, 2))
    assert read(tmp_path)["t"].tolist() == [0, 1]


@pytest.mark.parametrize("half", ["", "10,0.5", "9,0.1,,,,", "\n", "x\n"])
def test_a_run_that_goes_on_has_each_iteration_once(half: str, tmp_path: Path) -> None:
    written(tmp_path, (0, 10))
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write(half)
    table = tracker()
    assert table.begin(course(tmp_path, 6)) == 6
    table.log(rows(7, 12))
    assert read(tmp_path)["t"].tolist() == list(range(12))


def test_a_table_of_other_columns_or_none_is_begun_anew(tmp_path: Path) -> None:
    assert tracker().begin(course(tmp_path, 6)) == -1
    (tmp_path / "metrics.csv").write_text("t,E_in\n1,0.5\n")
    assert tracker().begin(course(tmp_path, 6)) == -1
    assert len(read(tmp_path)) == 0


def test_a_table_that_is_deleted_gets_its_header_again(tmp_path: Path) -> None:
    table = tracker()
    table.begin(course(tmp_path))
    table.log(rows(0, 2))
    (tmp_path / "metrics.csv").unlink()
    table.log(rows(2, 4))
    assert read(tmp_path)["t"].tolist() == [2, 3]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tracker()
    table.begin(course(tmp_path))
    table.log(rows(0, 2))
    write = os.write
    calls = []

    def full(file: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "no space")
        return write(file, data[:10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="no space"):
            table.log(rows(2, 4))
    table.log(rows(2, 4))
    assert read(tmp_path)["t"].tolist() == [0, 1, 2, 3]
