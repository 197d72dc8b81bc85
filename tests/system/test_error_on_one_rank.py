"""An error in words that strikes one rank alone, anywhere: it ends all ranks with that sentence, soon."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from availability import need_instructions
from inject import at
from mpi_runner import mpirun
from threaded_ranks import ThreadRanks, outcomes
from trainings import INJECT

from distnn import UserError, fit, train
from distnn.parallel.ranks import OneRank, Ranks
from distnn.training.curvature import Choice

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
    "fixed_point.py:arithmetic",
    "scaling.py:Scaling.standardise",
    "network.py:Network.initialise",
    "objective.py:Objective.__init__",
    "environment.py:record",
    "levenberg_marquardt.py:LevenbergMarquardt.start",
    "backpropagation.py:Backpropagation.gradient",
    "gauss_newton.py:GaussNewton.lower",
    "levenberg_marquardt.py:LevenbergMarquardt.step",
    "reduction.py:ExactSum.second",
    "stripes.py:StripeSum.combine",
    "symmetric.py:DistributedMatrix.factor",
    "symmetric.py:DistributedFactor.solve",
    "record.py:measure",
    "replicas.py:digest",
)


class Ended(Exception):
    """What a thread is ended by where a process would end itself."""


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The ranks that ended the job, and their exit codes; no rank waits long before it does."""
    monkeypatch.setattr("distnn.parallel.ranks.ALONE_SECONDS", 0.2)
    found: list[tuple[int, int]] = []
    abort = ThreadRanks.abort

    def noted(ranks: ThreadRanks, code: int) -> None:
        found.append((ranks.rank, code))
        abort(ranks, code)
        raise Ended

    monkeypatch.setattr(ThreadRanks, "abort", noted)
    return found


@pytest.mark.parametrize("phase", PHASES)
def test_in_each_phase_of_a_training(
    phase: str,
    tmp_path: Path,
    ended: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ranks are threads here, each of which has its own profile; signals come to the first thread alone."""
    monkeypatch.setattr("distnn.runs.job.caught", lambda ranks: nullcontext())
    victim = PHASES.index(phase) % 3
    if phase.startswith(("stripes", "symmetric")):
        need_instructions()
        monkeypatch.setattr(Choice, "is_shared_out", lambda choice, most: True)

    def only_here() -> None:
        raise UserError("only here")

    def work(ranks: Ranks) -> None:
        if ranks.rank == victim:
            at(phase, only_here)()
        with ranks.none_alone():
            train.main(ranks, [*TRAINING, "--out", str(tmp_path / "run")])

    found = outcomes(3, work)
    if ended:
        assert ended == [(victim, 2)]
        assert isinstance(found[victim], Ended)
        assert capsys.readouterr().err == f"distnn: rank {victim}: only here\n"
    else:  # it was shared, so all ranks raise it, and the first one will say it
        assert {str(error) for error in found} == {"only here"}
    assert not list((tmp_path / "run").glob("model.safetensors")), "nothing says that it succeeded"


@pytest.mark.job
@pytest.mark.parametrize("phase", [PHASES[0], PHASES[len(PHASES) // 2]])
def test_processes_in_a_phase_of_a_training(phase: str, tmp_path: Path) -> None:
    done = mpirun(3, INJECT, phase, "1", *TRAINING, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("only here") == 1, done.stderr
    assert "Traceback" not in done.stderr


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


def test_fit_ends_too(monkeypatch: pytest.MonkeyPatch, ended: list[tuple[int, int]]) -> None:
    def only_here(*arguments: Any) -> None:
        raise UserError("only here")

    def work(ranks: Ranks) -> None:
        if ranks.rank == 0:
            monkeypatch.setattr(ranks, "redistribute", only_here, raising=False)
        fit(np.zeros((5, 1)) + ranks.rank, np.arange(5.0), hidden=(4,), comm=ranks)

    found = outcomes(2, work)
    assert isinstance(found[0], Ended)
    assert set(ended) == {(0, 2)}


def test_one_rank_is_never_alone() -> None:
    with pytest.raises(UserError, match="here"), OneRank().none_alone():
        raise UserError("here")
