"""`python -m distnn.verify`: silent proof where all is well, and each fault that it is there for is found."""

from __future__ import annotations

import dataclasses
import re
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import mpirun, python
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn import verify
from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.reduction import ExactSum
from distnn.runs import certainty

X, Y = regression(60, d=3, m=2)


def table(folder: Path) -> str:
    np.save(folder / "table.npy", np.column_stack([X, Y]))
    return str(folder / "table.npy")


@pytest.mark.job
@pytest.mark.parametrize(("dtype", "theta"), [("float64", "tanh"), ("float32", "relu")])
def test_all_is_well(dtype: str, theta: str, tmp_path: Path) -> None:
    arguments = ["-m", "distnn.verify", "--data", table(tmp_path), "--targets", "3", "4", "--dtype", dtype]
    done = mpirun(3, *arguments, "--hidden", "5", "4", "--theta", theta, "--simulate", "2", "50", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ways = re.findall(r"^ (.*?) {2,}(\S+) +([0-9a-f]{16}) +(.*)$", done.stdout, re.MULTILINE)
    names = ["3 ranks, as started", "one rank, on its own", "3 ranks, simulated", "50 ranks, simulated"]
    assert [way[0] for way in ways] == names
    assert len({way[1:] for way in ways}) == 1
    for direction in ("W^(1)", "W^(3)", "all of w", "All is as it should be."):
        assert direction in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["table.npy"]  # nothing is written


@pytest.mark.job
def test_alone_without_mpirun() -> None:
    done = python("-m", "distnn.verify", "--examples", "500", "--steps", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one rank, as started" in done.stdout and "1,000 ranks, simulated" in done.stdout


@pytest.mark.job
def test_plain_sums_are_found_out_under_mpi() -> None:
    done = mpirun(3, "-m", "distnn.verify", "--reduction", "plain", "--examples", "9000", "--simulate", "2", "7")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "DIFFERENT" in done.stdout and "WRONG: On " in done.stdout


@pytest.mark.job
@pytest.mark.parametrize(
    "arguments", [["--steps", "0"], ["--simulate", "0"], ["--resume", "--out", "x"], ["--data", "none.csv"]]
)
def test_bad_use_is_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    done = mpirun(2, "-m", "distnn.verify", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("distnn: ")


def test_options_of_a_run_are_taken_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text('optimizer = "lbfgs"\nhidden = [4]\nsteps = 3\n')
    options = verify.read_options(["--config", str(tmp_path / "options.toml"), "--simulate", "9"])
    assert options is not None
    assert (options.optimizer, options.hidden, options.steps, options.simulate) == ("lbfgs", (4,), 3, (9,))
    with pytest.raises(UserError):
        verify.read_options(["--batch-size", "0"])


def outcomes(options: verify.VerifyOptions, P: int = 2) -> list[list[verify.Outcome]]:
    def work(ranks: Ranks) -> list[verify.Outcome]:
        given = {field.name: getattr(options, field.name) for field in dataclasses.fields(verify.Options)}
        return verify.compare_ways(options, assembled(ranks, X, Y, **given), ranks)

    return on_ranks(P, work)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_ends_alike_on_simulated_ranks(name: str, small_blocks: None) -> None:
    some = {"batch_size": 50} if OPTIMIZERS[name].stochastic else {}
    options = verify.VerifyOptions(optimizer=name, hidden=(3,), alone=False, simulate=(2, 30), steps=3, **some)
    found = outcomes(options)
    assert found[0] == found[1]
    assert len({outcome.digest for outcome in found[0]}) == 1


@pytest.mark.parametrize("optimizer", ["bayesian", "lbfgs"])
def test_covariances_are_alike_and_found_where_they_are_not(
    optimizer: str, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some: dict[str, Any] = {"optimizer": optimizer, "weight_decay": 0.0 if optimizer == "bayesian" else 0.01}
    options = verify.VerifyOptions(hidden=(3,), intervals="all", alone=False, simulate=(1, 3, 5), steps=3, **some)
    found = outcomes(options)
    assert found[0] == found[1]
    assert len({outcome.digest for outcome in found[0]}) == 1 and found[0][0].unknown is None
    without = outcomes(dataclasses.replace(options, intervals=None, simulate=()))[0][0]
    assert without.digest != found[0][0].digest  # the covariance is part of it
    learn, calls = certainty.learn, count()

    def learnt(*given: Any) -> Any:
        found = learn(*given)
        return dataclasses.replace(found, T=found.T * (1 + 1e-15 * next(calls)))

    monkeypatch.setattr(certainty, "learn", learnt)
    assert len({outcome.digest for outcome in outcomes(options, P=1)[0]}) == 4


def test_a_covariance_that_cannot_be_had_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There are more weights than rows, and no decay."""
    np.save(tmp_path / "few.npy", np.column_stack([X, Y])[:20])
    arguments = ["--data", str(tmp_path / "few.npy"), "--hidden", "30", "--optimizer", "lbfgs", "--steps", "2"]
    arguments += ["--intervals", "all"]
    assert verify.main(OneRank(), [*arguments, "--simulate", "3"]) == 0
    assert "Not compared is the covariance of the weights: " in capsys.readouterr().out


def test_a_sum_that_depends_on_the_order_is_found_on_simulated_ranks(small_blocks: None) -> None:
    options = verify.VerifyOptions(hidden=(3,), alone=False, simulate=(20,), reduction="plain")
    found = outcomes(options)[0]
    assert found[0].digest != found[1].digest


def test_a_unit_that_depends_on_the_rank_is_found(small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A k that depends on the terms of one rank only: right on one rank, wrong on all others."""
    rounded = ExactSum.second

    def second(self: ExactSum, term: Any) -> None:
        self.message[:-2] *= 1 + 16 * (self.local % 2)
        rounded(self, term)

    monkeypatch.setattr(ExactSum, "second", second)
    found = outcomes(verify.VerifyOptions(hidden=(3,), alone=False, simulate=(5, 19)), P=1)[0]
    assert len({outcome.digest for outcome in found}) > 1


def test_help_verifies_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(OneRank(), ["--help"]) == 0
    assert "--simulate" in capsys.readouterr().out


def test_a_training_to_be_gone_on_with_is_none_to_verify() -> None:
    with pytest.raises(UserError, match=r"verify one with --config and its options\.toml"):
        verify.main(OneRank(), ["--resume", "--out", "x"])


def test_of_several_trainings_one_is_verified() -> None:
    with pytest.raises(UserError, match="One of 3 folds is verified at a time: add --only 0"):
        verify.read_options(["--folds", "3"])
    options = verify.read_options(["--folds", "3", "--only", "2"])
    assert options is not None and options.only == 2
