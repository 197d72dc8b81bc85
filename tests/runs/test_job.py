"""A training as a job: what is said before it begins, and on which rank."""

from __future__ import annotations

from pathlib import Path

import pytest

from distnn import UserError
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import Recovery
from distnn.runs.console_report import ConsoleReport
from distnn.runs.job import Job, open_table, report_on
from distnn.runs.options import Options
from distnn.runs.report import Report


def options(out: Path, **more: object) -> Options:
    return Options(examples=50, hidden=(2,), max_iterations=2, out=str(out), **more)  # type: ignore[arg-type]


def test_only_rank_0_prints() -> None:
    ranks = OneRank()
    assert type(report_on(ranks, Options())) is ConsoleReport
    ranks.rank = 3
    assert type(report_on(ranks, Options())) is Report


def test_those_that_are_left_say_how_many_ranks_died(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = options(tmp_path / "run", elastic=True, quiet=True)
    job, recovery = Job(chosen, OneRank()), Recovery()
    job.directory.create(overwrite=False)
    blas.limit_threads(1)
    recovery.ranks_lost = 2
    assert job.attempt(open_table(chosen, job.ranks), recovery) == 0
    assert "ranks died, 2 so far; the other 1 go on." in capsys.readouterr().err
    assert recovery.progress is not None
    assert job.directory.model.exists()


def test_what_would_run_is_shown_and_nothing_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Job(options(tmp_path / "run", dry_run=True), OneRank()).carry_out() == 0
    assert "would write" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


def test_a_run_that_never_began_leaves_no_directory(tmp_path: Path) -> None:
    for out, stays in ((tmp_path / "new", False), (tmp_path / "mine", True)):
        if stays:
            out.mkdir()
        with pytest.raises(UserError, match=r"none\.csv cannot be read"):
            Job(options(out, data="none.csv"), OneRank()).carry_out()
        assert out.exists() is stays
