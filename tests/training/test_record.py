"""The quantities of a record, and that a new one takes a field and nothing else."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from checkout import CHECKOUT
from tables import assembled, regression

from distnn.optimizers import State
from distnn.optimizers.gradient_descent import GradientDescent
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.training.objective import Objective
from distnn.training.record import QUANTITIES, Moment, Record, measure


@cache
def objective() -> Objective:
    return assembled(OneRank(), *regression(10, d=1), hidden=()).objective


def moment(E: float, before: Record | None = None, window: tuple[float, ...] = (), **more: float) -> Moment:
    """That of an iteration at which the weights are 3, 4 and the gradient 0.6, 0.8; before, the weights were 0."""
    state = State(np.array([3.0, 4.0]), E, np.array([0.6, 0.8]))
    w_before = None if before is None else np.zeros(2)
    t = 0 if before is None else before.t + 1
    values = {"best_t": 0, "best_E_val": math.inf, "evaluates": True, "began": 0.0, **more}
    return Moment(t, state, objective(), GradientDescent(), before, w_before, deque(window, maxlen=3), **values)  # type: ignore[arg-type]


def test_what_is_known_of_an_iteration() -> None:
    first = measure(moment(0.5))
    assert (first.t, first.E_in, first.gradient_norm, first.stale) == (0, 0.5, 1.0, 0)
    assert math.isnan(first.step)
    second = measure(moment(0.25, first, best_t=0))
    assert (second.t, second.step, second.stale) == (1, 5.0, 0)
    assert measure(moment(math.inf, second, best_t=1)).stale == 1


@pytest.mark.parametrize(
    ("window", "E", "expected"),
    [((4.0,), 3.0, math.nan), ((4.0, 3.0), 1.0, 0.75), ((4.0, 3.0, 1.0), -3.0, 2.0), ((1.0, 0.0, 2.0), 1.0, math.nan)],
)
def test_the_improvement_is_known_once_the_window_is_full(window: tuple[float, ...], E: float, expected: float) -> None:
    """The last one: as a share of 0."""
    np.testing.assert_equal(measure(moment(E, Record(5, 1.0), window)).improvement, expected)


class OfFour(GradientDescent):
    plateau = 4


def plateaus(Es: Iterable[float], every: int = 1) -> list[int]:
    """The plateau at each iteration of a training in which E_in takes these values, known at every so many of them."""
    found, memory, before = [], {}, None
    for t, E in enumerate(Es):
        now = moment(E, before, memory=memory, evaluates=t % every == 0)
        now.optimizer = OfFour()
        before, memory = measure(now), now.memory
        found.append(before.plateau)
    return found


@pytest.mark.parametrize("values", [(0.5,), (0.5, 0.25), (0.5, 0.25, 0.75, 0.25), (0.5, 0.5 + 2**-53), (0.0,)], ids=str)
def test_an_error_that_stays_or_goes_round_in_circles_is_a_plateau(values: tuple[float, ...]) -> None:
    found = plateaus([4.0, 3.0, *islice(cycle(values), 14)])
    assert found == [0] * 11 + [4] * 4 + [8]


def test_of_a_stochastic_optimizer_evaluations_are_counted() -> None:
    assert plateaus([0.5] * 36, every=3) == [0] * 21 + [4] * 12 + [8] * 3


@pytest.mark.parametrize(
    "Es",
    [
        [0.9**t for t in range(30)],
        [1.0 - 1e-14 * t for t in range(30)],  # slowly, but it falls
        [0.1, *(0.9**t + 1 for t in range(29))],  # from where it has leapt to
        [0.9**t * (1 + t % 2) for t in range(30)],  # up and down
        [0.5] * 4 + [0.4] * 4 + [0.3] * 4,
    ],
)
def test_an_error_that_still_gets_somewhere_is_none(Es: list[float]) -> None:
    assert set(plateaus(Es)) == {0}


def test_a_plateau_is_over_when_the_error_falls_again() -> None:
    found = plateaus([0.5] * 12 + [0.4] * 8)
    assert found == [0] * 7 + [4] * 4 + [8] * 4 + [0] * 4 + [4]


def test_each_limit_is_an_option_and_no_two_have_the_same() -> None:
    limits = [quantity.limit for quantity in QUANTITIES.values() if quantity.limit]
    assert len({limit.option for limit in limits}) == len(limits)
    for limit in limits:
        assert getattr(Options(), limit.option) == limit.default


FIELD = """
    largest: Annotated[
        float,
        Quantity(
            lambda now: float(abs(now.state.w).max()),
            "The weights are too large: try --weight-decay.",
            Limit("max_weight", ">=", "Stop when a weight is as large as this."),
        ),
    ] = 0.0
"""
FILE = """
from distnn.runs.reports.report import Report


class Toy(Report):
    def begin(self, beginning):
        self.file = open(f"toy-{beginning.directory.path.name}.txt", "w")

    def iteration(self, record, done):
        print(record.t, record.largest, file=self.file, flush=True)

    def end(self, end):
        print(end.model.name, end.result["largest"], file=self.file, flush=True)


def report(options):
    return Toy()
"""


@pytest.mark.job
def test_a_criterion_is_one_field_and_a_report_one_file_and_one_line(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "distnn", tmp_path / "distnn", ignore=shutil.ignore_patterns("__pycache__"))
    insert(tmp_path / "distnn/training/record.py", before="    examples_per_second: Annotated", text=FIELD)
    insert(tmp_path / "distnn/runs/reports/__init__.py", before='    "console",\n', text='    "toy",\n')
    (tmp_path / "distnn/runs/reports/toy.py").write_text(FILE)

    command = [sys.executable, "-m", "distnn.train", "--examples", "50", "--hidden", "2", "--optimizer", "sgd"]
    command += ["--eta", "1", "--max-iterations", "500"]
    for run, *criterion in (["a", "--max-weight", "1.5"], ["b", "--stop", "largest >= 1.5"]):
        done = subprocess.run([*command, *criterion, "--out", run], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "try --weight-decay" in done.stdout
        result = json.loads((tmp_path / run / "result.json").read_text())
        assert result["largest"] >= 1.5
        *told, last = (tmp_path / f"toy-{run}.txt").read_text().splitlines()
        assert told == [f"{t} {float(line.split()[1])}" for t, line in enumerate(told)]
        assert last == f"model.safetensors {result['largest']}"
    shown = subprocess.run([*command, "--help"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert "Stop when a weight is as large as this." in " ".join(shown.replace("│", " ").split())


def insert(file: Path, before: str, text: str) -> None:
    source = file.read_text()
    assert source.count(before) == 1
    file.write_text(source.replace(before, text.lstrip("\n") + before))
