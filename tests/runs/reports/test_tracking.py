"""Trainings that are tracked: as often as they are logged, in the same run when they go on, and never held up."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainings import metrics, wait_until

from distnn.errors import DONE, FAILED, STOPPED, UserError
from distnn.parallel.ranks import OneRank
from distnn.runs import contents, trackers
from distnn.runs.directory import RunDirectory
from distnn.runs.options import Options
from distnn.runs.reports import Beginning, End, tracking
from distnn.runs.trackers import Course, Tracker, delivery
from distnn.runs.trackers.tracker import Numbers, Outcome
from distnn.train import main
from distnn.training.record import Record
from distnn.training.termination import Reason

TRAIN = ("--examples", "200", "--hidden", "3", "--optimizer", "gradient-descent")
PATIENCE = 120.0  # only what hangs takes so long


def train(out: Path, *more: str) -> int:
    return main(OneRank(), ["--out", str(out), *more])


def iterations(out: Path) -> list[list[int]]:
    """Those of the log, of the table and of TensorBoard."""
    board = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0})
    board.Reload()
    table = pandas.read_csv(out / "metrics.csv")["t"]
    return [[row["t"] for row in metrics(out)], table.tolist(), [event.step for event in board.Scalars("E_in")]]


def test_a_training_and_its_going_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time --track is what it was; then all of it goes with --overwrite."""
    out = tmp_path / "run"
    tracked = ("--track", "csv", "tensorboard")
    assert train(out, *TRAIN, "--max-iterations", "7", *tracked) == 0
    assert iterations(out) == [list(range(8))] * 3
    assert train(out, "--resume", "--max-iterations", "12") == 0
    assert iterations(out) == [list(range(13))] * 3
    assert capsys.readouterr().err == ""
    assert contents.foreign(out) is None
    assert train(out, *TRAIN, "--max-iterations", "1", "--overwrite") == 0
    assert not (out / "metrics.csv").exists()
    assert not (out / "tensorboard").exists()


def test_a_tracker_that_comes_later_gets_what_was_before(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert train(out, *TRAIN, "--max-iterations", "7") == 0
    assert train(out, "--resume", "--max-iterations", "9", "--track", "csv", "tensorboard") == 0
    assert iterations(out) == [list(range(10))] * 3


def test_restarts_and_evaluations_are_tracked_as_they_are_logged(tmp_path: Path) -> None:
    out = tmp_path / "run"
    stochastic = ("--optimizer", "sgd", "--eta", "0.01", "--batch-size", "10", "--max-iterations", "45")
    more = ("--examples", "200", "--hidden", "3", "--restarts", "2", "--track", "csv", "tensorboard")
    assert train(out, *stochastic, *more) == 0
    for number in range(2):
        assert iterations(out / f"restart-00{number}") == [[0, 20, 40, 45]] * 3
    assert contents.foreign(out) is None


class Odd(Tracker):
    """A tracker that fails, or hangs, or does both."""

    def __init__(self, fails: bool = False, hangs: bool = False):
        self.fails, self.hangs = fails, hangs
        self.over = threading.Event()
        self.outcomes: list[Outcome] = []
        self.got: list[int] = []

    def _work(self) -> None:
        if self.hangs:
            assert self.over.wait(PATIENCE)
        if self.fails:
            raise SystemExit("a package that ends the program")

    def begin(self, course: Course) -> int:
        self._work()
        return -1

    def log(self, rows: Sequence[Numbers]) -> None:
        self._work()
        self.got += [int(row["t"] or 0) for row in rows]

    def end(self, outcome: Outcome) -> None:
        self._work()
        self.outcomes.append(outcome)


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that puts a tracker into the place of csv, and the codes with which a process that hangs is ended."""
    monkeypatch.setattr(tracking, "QUIET", 0.0)
    monkeypatch.setattr(delivery, "BETWEEN", 0.001)

    def put(made: Tracker) -> None:
        monkeypatch.setattr(tracking, "tracker", lambda name: made)

    return put


def tracked(out: Path, odd: Any, made: Tracker, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a training that has this tracker says on stderr; it is as any other."""
    odd(made)
    assert train(out, *TRAIN, "--max-iterations", "7", "--track", "csv", "--quiet") == 0
    assert [row["t"] for row in metrics(out)] == list(range(8))
    assert (out / "model.safetensors").exists()
    return capsys.readouterr().err.splitlines()


def test_one_that_fails_is_one_warning(tmp_path: Path, odd: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said = [line for line in tracked(tmp_path, odd, Odd(fails=True), capsys) if "waiting" not in line]
    assert said == [
        "distnn: --track csv fails; training goes on, and it is tried again now and then (SystemExit: a package that "
        "ends the program).",
        "distnn: --track csv has not taken all: 8 iterations are missing there, and what comes at the end; --resume "
        "makes up for them.",
    ]


def test_one_that_hangs_is_waited_for_a_while(
    tmp_path: Path, odd: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is left, the process is ended if it does not end by itself, with the code that it was to end with."""
    ended: list[int] = []
    monkeypatch.setattr(tracking, "END", 0.05)
    monkeypatch.setattr(tracking, "LEAVE", 0.0)
    monkeypatch.setattr(os, "_exit", ended.append)
    gone = threading.Thread(target=str)
    gone.start()
    monkeypatch.setattr(threading, "main_thread", lambda: gone)
    made = Odd(hangs=True)
    said = tracked(tmp_path, odd, made, capsys)
    assert said[0] == "distnn: --track: waiting for csv, for up to 0 s; the run itself is written."
    assert "csv has not taken all: 8 iterations are missing there" in said[1]
    wait_until(lambda: ended == [0], "the end", PATIENCE)
    made.over.set()


def test_one_that_hangs_is_not_waited_for_longer_than_the_other_ranks_wait(
    tmp_path: Path, odd: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Odd(hangs=True)
    odd(made)
    assert train(tmp_path, *TRAIN, "--max-iterations", "7", "--track", "csv", "--quiet", "--watchdog", "0.5") == 0
    assert "has not taken all" in capsys.readouterr().err
    made.over.set()


@pytest.mark.parametrize(("code", "has_model"), [(DONE, True), (FAILED, True), (STOPPED, False)])
def test_an_outcome_has_the_model_but_where_the_run_may_go_on(
    code: int, has_model: bool, tmp_path: Path, odd: Any
) -> None:
    made, model = Odd(), tmp_path / "model.safetensors"
    odd(made)
    model.write_bytes(b"model")
    report = tracking.report(Options(track=("csv",)))
    assert report is not None
    report.begin(Beginning(Options(), {}, RunDirectory(tmp_path), 1, None, print))
    report.end(End(Reason("why", "what next", code), {"E_in": 0.5}, model, []))
    report.close()
    assert made.outcomes == [Outcome(code, model if has_model else None, {"E_in": 0.5})]


def test_a_run_that_is_broken_off_is_over(tmp_path: Path, odd: Any) -> None:
    made = Odd()
    odd(made)
    report = tracking.TrackingReport(["csv"])
    report.begin(Beginning(Options(), {}, RunDirectory(tmp_path), 1, None, print))
    report.iteration(Record(0, 0.5), done=False)
    report.close()
    wait_until(lambda: made.outcomes == [Outcome(STOPPED)], "the end", PATIENCE)
    assert made.got == [0]


def test_a_package_that_does_not_work_here_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> Tracker:
        raise ImportError("libstdc++.so.6: version not found")

    monkeypatch.setattr(tracking, "tracker", broken)
    assert train(tmp_path, *TRAIN, "--max-iterations", "3", "--track", "csv", "--quiet") == 0
    assert capsys.readouterr().err == (
        "distnn: --track csv does not work here; training goes on without it (ImportError: libstdc++.so.6: version not "
        "found).\n"
    )


def test_one_that_there_is_not_is_refused_before_a_directory_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trackers.TRACKERS, "mlflow", "no_such_package")
    with pytest.raises(UserError, match=r"pip install 'distnn\[mlflow\]'"):
        train(tmp_path / "run", *TRAIN, "--track", "mlflow")
    assert not (tmp_path / "run").exists()
