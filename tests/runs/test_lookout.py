"""The search for a network as part of a job: it heeds the file STOP and the time, and is told of."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import write_csv

from distnn.errors import DONE
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import Recovery
from distnn.runs import lookout
from distnn.runs.job import Job, open_table
from distnn.runs.options import Options


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """On a table for which units are chosen, with its directory."""
    monkeypatch.setattr("distnn.runs.network_search.ITERATIONS", 8)
    a = np.random.default_rng(0).uniform(-1, 1, 40)
    table = write_csv(tmp_path / "a.csv", {"a": a, "y": np.sin(3 * a)})
    job = Job(Options(data=str(table), out=str(tmp_path / "run"), max_iterations=2), OneRank())
    job.directory.create(overwrite=False)
    with blas.limited_threads(1):
        yield job


def attempt(job: Job) -> int:
    return job.attempt(open_table(job.options, job.ranks), Recovery())


def test_the_file_stop_ends_it(job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is chosen then: the run begins again from the beginning."""
    monkeypatch.setattr("distnn.resilience.stop_requests.LOOK_SECONDS", -1.0)
    job.directory.stop.touch()
    assert attempt(job) == DONE
    assert "the file STOP was there before the training began: there is nothing" in capsys.readouterr().err
    assert not job.directory.stop.exists()
    assert job.directory.has_not_begun()


def test_it_takes_half_of_the_seconds(job: Job) -> None:
    job.options = replace(job.options, max_seconds=1e-9)
    assert attempt(job) == DONE
    stored = tomllib.loads((job.directory.path / "options.toml").read_text())
    assert stored["hidden"] == []
    assert job.directory.model.exists()


def test_who_waits_is_told(job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lookout, "LOG_SECONDS", -1.0)
    assert attempt(job) == DONE
    said = capsys.readouterr().err
    assert said.count("choosing the network: trying 0 hidden units\n") == 1
    assert said.count("trying 2 hidden units\n") == 1
    assert job.options.optimizer == "bayesian"  # so that nothing is chosen again where ranks are lost
