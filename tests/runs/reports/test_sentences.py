"""What a run says: lines at growing intervals, sentences at the start, a table at the end."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression, write_csv

from distnn.data.tables import ArraySource
from distnn.errors import STOPPED
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.options import ApplyOptions
from distnn.optimizers import State
from distnn.parallel.ranks import OneRank
from distnn.runs.reports.sentences import duration, ending, line, opening
from distnn.train import main
from distnn.training.progress import Progress
from distnn.training.record import Record
from distnn.training.termination import Reason

RECORD = Record(7, 0.25, gradient_norm=0.5, evaluations=8, seconds=75.0, examples_per_second=1234.0)


def test_a_line_says_what_is_known() -> None:
    assert line(RECORD).split() == ["t", "7", "E_in", "0.25", "|G|", "0.5", "1,230", "examples/s", "75.0", "s"]
    assert "E_val 0.75" in line(Record(7, 0.25, E_val=0.75))
    assert "examples/s" not in line(Record(0, 0.25))
    assert "log evidence -12.5" in line(Record(7, 0.25, gamma=3.25, evidence=-12.5))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.123, "0.12 s"), (59.9, "59.90 s"), (75, "1 min 15 s"), (7384, "2 h 03 min 04 s")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def progress(record: Record, reason: Reason, best_t: int, best_E_val: float = math.inf) -> Progress:
    w = np.zeros(1)
    return Progress(State(w, 0.25, w), deque(), w, best_E_val, best_t, record, reason)


def test_the_table_at_the_end() -> None:
    ended = progress(RECORD, Reason("the reason", "the advice", STOPPED), 7)
    assert dict(ending(ended, 0.25, shares=(0.0, 0.5), ranks=3)) == {
        "stopped because": "the reason",
        "what next": "the advice",
        "E_in": "0.25",
        "iterations": "7 (8 passes over D)",
        "time": "1 min 15 s",
        "computing": "50.0 to 100.0 % of the time, least and most of 3 ranks",
        "communication": "0.0 to 50.0 % of the time, least and most of 3 ranks",
    }


def test_one_rank_alone_waits_for_nobody() -> None:
    rows = dict(ending(progress(RECORD, Reason("", ""), 7), 0.25))
    assert "time" in rows and not {"computing", "communication"} & set(rows)


def test_the_table_of_a_bayesian_training() -> None:
    rows = dict(ending(progress(Record(7, 0.25, gamma=0.75, evidence=-12.5), Reason("", ""), 7), 0.25))
    assert (rows["log evidence"], rows["γ"]) == ("-12.5", "0.75 of 1 weights")


def test_the_table_is_of_the_weights_that_were_kept() -> None:
    rows = dict(ending(progress(Record(42, 1e-9, E_val=2.0), Reason("", ""), 2, 0.5), 0.125))
    assert (rows["E_in"], rows["E_val"], rows["weights kept"]) == ("0.125", "0.5", "t 2 of 42")
    rows = dict(ending(progress(Record(42, 1e-9), Reason("", ""), 42), 0.125, 0.375))
    assert (rows["E_in"], rows["E_test"]) == ("0.125", "0.375")
    rows = dict(ending(progress(Record(42, math.nan), Reason("", ""), 41), None))
    assert "E_in" not in rows
    assert "E_val" not in rows
    assert rows["weights kept"] == "t 41 of 42"


@pytest.mark.parametrize(
    "options", [("--optimizer", "lbfgs"), ("--optimizer", "adam", "--batch-size", "10", "--eta", "0.1")]
)
def test_the_errors_shown_are_those_that_evaluate_finds(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (60, 3))
    write_csv(tmp_path / "a.csv", {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": generator.normal(size=60)})
    run = ["--data", str(tmp_path / "a.csv"), "--out", str(tmp_path / "run"), "--hidden", "9", "--validation", "0.3"]
    assert main(OneRank(), [*run, *options, "--max-iterations", "60", "--patience", "0"]) == 0
    rows = dict(
        line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if line.startswith(("E_", "weights"))
    )
    apply = ApplyOptions(model=str(tmp_path / "run"), data=str(tmp_path / "a.csv"))
    for name, which in (("E_in", "trained"), ("E_val", "held-out")):
        assert rows[name].strip() == f"{evaluate(Application(apply, OneRank(), True), which)['E']:.6g}"
    kept, of = map(int, rows["weights kept"].strip().removeprefix("t ").split(" of "))
    assert 0 < kept < of == 60, "this overfits"


def test_what_is_going_to_be_trained() -> None:
    X, Y = regression(40)
    assembly = assembled(OneRank(), X, Y, hidden=(3,), validation=0.25, optimizer=None)
    first, inputs, target, why, last = opening(ArraySource(X, Y, None, OneRank()), assembly, 50)
    held = assembly.examples.validation_rows
    assert f"{40 - held} examples, {held} held out; 1 block of 40 rows on 50 ranks, of which 49 have no work" in first
    assert (inputs, target) == ("inputs x1, x2, x3: numbers", "target y: 40 numbers")
    assert why.startswith("optimizer: ")
    assert last.startswith("d = [3, 3, 1], 16 weights, θ tanh, output identity, squared error, ")
