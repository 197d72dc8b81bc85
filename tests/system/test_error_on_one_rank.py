"""An error in words that strikes one rank alone, anywhere: it ends all ranks with that sentence, soon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import mpirun
from threaded_ranks import ThreadRanks, outcomes
from trainings import INJECT

from distnn import UserError, fit
from distnn.parallel.ranks import OneRank, Ranks

TRAINING = (
    *("--examples", "9000", "--hidden", "4", "--validation", "0.2", "--max-iterations", "3"),
    *("--check-every", "2", "--watchdog", "0"),
)

# Functions that each rank calls in the course of a training, from its beginning to its end.
PHASES = (
    "train.py:main",
    "blas.py:limit_threads",
    "job.py:Job.carry_out",
    "tables/__init__.py:open_source",
    "assembly.py:assemble",
    "loading.py:load",
    "reduction.py:ExactSum.__init__",
    "library.py:instructions",
    "scaling.py:Scaling.standardise",
    "network.py:Network.initialise",
    "objective.py:Objective.__init__",
    "environment.py:record",
    "levenberg_marquardt.py:LevenbergMarquardt.start",
    "backpropagation.py:Backpropagation.gradient",
    "gauss_newton.py:GaussNewton.lower",
    "levenberg_marquardt.py:LevenbergMarquardt.step",
    "reduction.py:ExactSum.second",
    "record.py:norm",
    "replicas.py:digest",
)


@pytest.mark.job
@pytest.mark.parametrize("phase", PHASES)
def test_in_each_phase_of_a_training(phase: str, tmp_path: Path) -> None:
    victim = PHASES.index(phase) % 3
    done = mpirun(3, INJECT, phase, str(victim), *TRAINING, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("only here") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").glob("model.safetensors")), "nothing says that it succeeded"


@pytest.mark.job
def test_what_strikes_all_ranks_is_said_once(tmp_path: Path) -> None:
    done = mpirun(3, INJECT, "assembly.py:assemble", "all", *TRAINING, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr == "distnn: only here\n"


@pytest.mark.job
@pytest.mark.parametrize("variable", ["DISTNN_FUSED", "DISTNN_START_SECONDS"])
def test_a_bad_variable_on_one_node(variable: str, tmp_path: Path) -> None:
    done = mpirun(3, INJECT, f"{variable}=bogus", "1", *TRAINING, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(f"distnn: rank 1: {variable} is 'bogus'") == 1, done.stderr


def test_fit_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.parallel.ranks.ALONE_SECONDS", 0.2)
    ended: list[tuple[int, int]] = []
    abort = ThreadRanks.abort

    def noted(ranks: ThreadRanks, code: int) -> None:
        ended.append((ranks.rank, code))
        abort(ranks, code)

    monkeypatch.setattr(ThreadRanks, "abort", noted)

    def only_here(*arguments: Any) -> None:
        raise UserError("only here")

    def work(ranks: Ranks) -> None:
        if ranks.rank == 0:
            monkeypatch.setattr(ranks, "redistribute", only_here, raising=False)
        fit(np.zeros((5, 1)) + ranks.rank, np.arange(5.0), hidden=(4,), comm=ranks)

    found = outcomes(2, work)
    assert isinstance(found[0], UserError)
    assert set(ended) == {(0, 2)}


def test_one_rank_is_never_alone() -> None:
    with pytest.raises(UserError, match="here"), OneRank().none_alone():
        raise UserError("here")
