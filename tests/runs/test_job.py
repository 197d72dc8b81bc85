"""A training as a job: what is said before it begins, and on which rank."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from distnn import UserError
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import Recovery
from distnn.runs.directory import RunDirectory
from distnn.runs.job import Job, open_table
from distnn.runs.options import Options


def options(out: Path, **more: object) -> Options:
    return Options(examples=50, hidden=(2,), max_iterations=2, out=str(out), **more)  # type: ignore[arg-type]


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


def test_nor_the_folders_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (None, "a/b/c", "runs/a"):
        with pytest.raises(UserError, match=r"none\.csv cannot be read"):
            Job(replace(options(tmp_path, data="none.csv"), out=out), OneRank()).carry_out()
        assert list(tmp_path.iterdir()) == []


def carried_out(out: Path | None, **more: object) -> int:
    chosen = Options(examples=50, hidden=(2,), quiet=True, **{"max_iterations": 2, **more})  # type: ignore[arg-type]
    return Job(replace(chosen, out=None if out is None else str(out)), OneRank()).carry_out()


def test_runs_without_a_name_have_directories_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of one second."""
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        assert carried_out(None) == 0
    models = sorted(tmp_path.glob("runs/*/model.safetensors"))
    assert len(models) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d-\d{6}(-\d)?", path.parent.name) for path in models)


@pytest.mark.parametrize("how", [{}, {"overwrite": True}, {"resume": True}])
def test_the_directory_of_a_running_job_is_left_alone(how: dict[str, bool], tmp_path: Path) -> None:
    running = RunDirectory(tmp_path / "run")
    assert carried_out(running.path) == 0
    running.create(overwrite=True)
    before = {path: path.read_bytes() for path in running.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"belongs to a job that is running: process {os.getpid()} "):
        carried_out(running.path, **how)
    assert {path: path.read_bytes() for path in running.path.rglob("*") if path.is_file()} == before
    running.claim.release()
    if how:
        assert carried_out(running.path, **how) == 0


@pytest.mark.parametrize("how", [{}, {"overwrite": True}])
@pytest.mark.parametrize("name", ["notes.txt", "model.safetensors", "checkpoints/mine", "restart-000/options.toml"])
def test_what_is_foreign_is_refused_by_name_and_stays(name: str, how: dict[str, bool], tmp_path: Path) -> None:
    file = tmp_path / "u" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(UserError, match=f"holds {name}, which is damaged or was not written by distnn: move it away"):
        carried_out(tmp_path / "u", **how)
    assert [path for path in (tmp_path / "u").rglob("*") if path.is_file()] == [file]
    assert file.read_text() == "mine"


def test_what_is_left_of_a_run_is_lost_by_overwrite_only(tmp_path: Path) -> None:
    assert carried_out(tmp_path) == 0
    (tmp_path / "options.toml").unlink()
    with pytest.raises(UserError, match=r"holds checkpoints, and no options\.toml .* lose it by --overwrite"):
        carried_out(tmp_path)
    assert carried_out(tmp_path, overwrite=True) == 0


def test_a_run_that_ended_before_it_had_begun_begins_at_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a signal while the table is read leaves it: no options are stored, perhaps not even the directory is made."""
    (tmp_path / "made").mkdir()
    for folder in (tmp_path / "none", tmp_path / "made"):
        assert carried_out(folder, resume=True) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert f"{folder} has no checkpoint yet: its run starts again from the beginning." in said
        assert (folder / "model.safetensors").exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine.txt").touch()
    with pytest.raises(UserError, match=r"holds mine\.txt"):
        carried_out(foreign, resume=True)
    with pytest.raises(UserError, match="nowhere"):
        carried_out(tmp_path / "bad", resume=True, data="nowhere.csv")
    assert not (tmp_path / "bad").exists()


def test_without_a_checkpoint_a_resumed_run_starts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And with all of its options, --start too."""
    start, out = tmp_path / "start", tmp_path / "run"
    assert carried_out(start) == 0
    assert carried_out(out, start=str(start)) == 0
    expected = (out / "model.safetensors").read_bytes()
    shutil.rmtree(out / "checkpoints")
    with pytest.raises(UserError, match=r"There is no checkpoint in .*result\.json: there is nothing to resume"):
        carried_out(out, start=str(start), resume=True)
    for name in ("result.json", "model.safetensors"):
        (out / name).unlink()
    assert carried_out(out, start=str(start), resume=True) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"{out} has no checkpoint yet: its run starts again from the beginning." in said
    assert (out / "model.safetensors").read_bytes() == expected
    assert not list(out.glob("claim*"))
