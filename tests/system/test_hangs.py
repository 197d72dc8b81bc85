"""A rank that hangs, in every command and at every time: the watchdog ends the job, and says who and where."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from mpi_runner import mpirun, start
from trainings import EVERY_THREE, INJECT, TRAINING, newest, trained

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("no_shared_memory_stays")]

WATCHED = ("--watchdog", "5")


def blamed(stderr: str, place: str, rank: int = 0) -> None:
    assert stderr.count("was waited for longer than 5 s (--watchdog)") == 1, stderr
    assert f"distnn: rank {rank} (on {os.uname().nodename}) was waited for" in stderr
    assert f"rank {rank}: computing, reading or writing at {place}" in stderr
    assert "Traceback" not in stderr


def test_options_that_cannot_be_read(tmp_path: Path) -> None:
    """The commands wait side by side."""
    os.mkfifo(tmp_path / "a.toml")
    arguments = ("--config", tmp_path / "a.toml", *WATCHED)
    with ExitStack() as stack:
        commands = ("train", "predict", "evaluate", "verify")
        jobs = [stack.enter_context(start(2, "-m", f"distnn.{command}", *arguments)) for command in commands]
        for job in jobs:
            done = job.finish()
            assert done.returncode == 1
            blamed(done.stderr, "command_line/arguments.py")


def test_options_of_a_run_to_resume(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "options.toml")
    done = mpirun(3, "-m", "distnn.train", "--resume", "--out", tmp_path, *WATCHED)
    assert done.returncode == 1
    blamed(done.stderr, "command_line/arguments.py")


@pytest.mark.parametrize("function", ["directory.py:RunDirectory.create", "claim.py:Claim.take"])
def test_a_directory_that_cannot_be_made(function: str, tmp_path: Path) -> None:
    fault = (INJECT, f"hang in {function}", "0")
    done = mpirun(3, *fault, *TRAINING, "--out", tmp_path / "run", *WATCHED)
    assert done.returncode == 1
    blamed(done.stderr, f"runs/{function.partition(':')[0]}")


def test_a_disk_that_does_not_answer_any_more(tmp_path: Path) -> None:
    """The notes cannot be written to it either."""
    done = mpirun(3, INJECT, "silent_disk", "all", *EVERY_THREE, "--out", tmp_path / "run", *WATCHED)
    assert done.returncode == 1
    blamed(done.stderr, "storage/files.py")
    assert "Go on with --resume." in done.stderr
    assert newest(tmp_path / "run") == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    trained(out, *TRAINING)
    return out


@pytest.mark.parametrize(
    ("command", "function", "place"),
    [
        ("predict", "stored.py:load_model", "inference/stored.py"),
        ("predict", "tables/__init__.py:open_source", "data/tables/__init__.py"),
        ("predict", "rows.py:Rows.read", "data/rows.py"),
        ("predict", "writers/text.py:CSVSink.add", "inference/writers/text.py"),
        ("evaluate", "stored.py:load_model", "inference/stored.py"),
        ("evaluate", "rows.py:Rows.read", "data/rows.py"),
        ("verify", "tables/__init__.py:open_source", "data/tables/__init__.py"),
        ("verify", "verify.py:alone", "verify.py"),
    ],
)
def test_in_each_command(command: str, function: str, place: str, run: Path, tmp_path: Path) -> None:
    what = ("--examples", "300") if command == "verify" else ("--model", run, "--examples", "30000")
    done = mpirun(3, INJECT, f"hang in {function}", "0", f"distnn.{command}", *what, *WATCHED)
    assert done.returncode == 1, done.stderr
    blamed(done.stderr, place)
    assert "--resume" not in done.stderr
