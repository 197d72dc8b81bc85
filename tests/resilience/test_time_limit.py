"""A training stops while its checkpoint still fits into the job's time; the batch systems are played by scripts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from mpi_runner import mpirun, python
from trainings import BASE, INJECT, metrics, model, trained

from distnn.resilience import time_limit
from distnn.resilience.time_limit import RESERVE, TimeLimit, seconds_left
from distnn.training.interruption import TIME_LIMIT, TIME_USED


def program(folder: Path, name: str, text: str) -> None:
    """A shell script in place of a command of the batch system."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


SQUEUE = {
    "59": 59.0,
    "0:13": 13.0,
    "2:00:01": 7201.0,
    "1-00:00:00": 86400.0,
    "7-23:59:59": 691199.0,
    "UNLIMITED": None,
    "INVALID": None,
    "NOT_SET": None,
    "": None,
    "-0:05": None,
    "1:00\n2:00": None,
    "９:00": None,
}


@pytest.mark.job
@pytest.mark.parametrize("said", SQUEUE)
def test_slurm(said: str, path: Path) -> None:
    program(path, "squeue", f'[ "$*" = "-h -j 7 -o %L" ] && printf "%s\\n" "{said}"')
    assert seconds_left({"SLURM_JOB_ID": "7"}) == SQUEUE[said]


@pytest.mark.job
def test_slurm_of_an_array_and_without_squeue(path: Path) -> None:
    program(path, "squeue", '[ "$3" = 7_2 ] && echo 10:00')
    assert seconds_left({"SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}) == 600
    program(path, "squeue", "exit 1")
    ends = {"SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": str(int(time.time()) + 100)}
    assert seconds_left(ends) == pytest.approx(100, abs=5)
    assert seconds_left({"SLURM_JOB_ID": "7", "SLURM_JOB_END_TIME": "soon"}) is None
    (path / "squeue").unlink()
    assert seconds_left({"SLURM_JOB_ID": "7"}) is None


@pytest.mark.job
def test_pbs(path: Path) -> None:
    program(
        path,
        "qstat",
        """cat <<END
Job Id: 12.server
    resources_used.walltime = 00:10:05
    Resource_List.select = 1
    Resource_List.walltime = 01:00:00
END""",
    )
    assert seconds_left({"PBS_JOBID": "12.server"}) == 3600 - 605
    program(path, "qstat", "exit 3")
    assert seconds_left({"PBS_JOBID": "12.server", "PBS_WALLTIME": "900"}) == 900
    assert seconds_left({"PBS_JOBID": "12.server"}) is None


@pytest.mark.job
def test_no_batch_system_and_one_that_does_not_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seconds_left({}) is None
    monkeypatch.setattr(time_limit, "ASK_SECONDS", 0.2)
    program(path, "squeue", "exec sleep 20")
    assert seconds_left({"SLURM_JOB_ID": "7"}) is None


class Clock:
    """A clock that a test winds on, and a job that ends at a time of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ends: float | None):
        self.now, self.ends, self.asked = 1000.0, ends, 0
        monkeypatch.setattr(time_limit.time, "monotonic", lambda: self.now)

    def left(self) -> float | None:
        self.asked += 1
        return None if self.ends is None else self.ends - self.now


def laps(limit: TimeLimit, clock: Clock, seconds: float) -> tuple[int, float]:
    """Iterate until something is raised; returns that, and the time."""
    while not (raised := limit.lap()):
        clock.now += seconds
        assert clock.now < 1e6
    return raised, clock.now


@pytest.mark.parametrize("iteration", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("checkpoint", [0.1, 8.0])
def test_the_checkpoint_fits(iteration: float, checkpoint: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, ends=2000)
    limit = TimeLimit(None, 0, clock.left)
    clock.now += checkpoint
    limit.wrote()
    raised, now = laps(limit, clock, iteration)
    assert raised == TIME_LIMIT
    end = now + iteration + checkpoint  # one more iteration, since the flag travels with its message
    assert end < 2000 - RESERVE
    assert end > 2000 - RESERVE - 3 * iteration - checkpoint, "it could have gone on"


def test_a_job_that_is_extended_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, ends=2000)
    limit = TimeLimit(None, 0, clock.left)
    clock.ends = 5000
    raised, now = laps(limit, clock, 1.0)
    assert raised == TIME_LIMIT
    assert 4900 < now < 5000
    assert clock.asked == 3  # not in every iteration


def test_max_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, ends=None)
    raised, now = laps(TimeLimit(100, 30, clock.left), clock, 2.0)
    assert raised == TIME_USED
    assert 1062 < now + 2 <= 1070
    clock = Clock(monkeypatch, ends=1020)
    assert laps(TimeLimit(100, 0, clock.left), clock, 0.1)[0] == TIME_LIMIT, "the job's end comes first"
    clock = Clock(monkeypatch, ends=None)
    limit = TimeLimit(None, 0, clock.left)
    for _ in range(1000):
        clock.now += 1000
        assert limit.lap() == 0


@pytest.mark.job
@pytest.mark.parametrize("P", [1, 3])
def test_a_training_stops_before_its_job_ends_and_goes_on(P: int, tmp_path: Path) -> None:
    out, bin = tmp_path / "run", tmp_path / "bin"
    bin.mkdir()
    program(
        bin,
        "squeue",
        f"""[ -e {bin}/began ] || date +%s >{bin}/began
        echo 0:$(( 13 - $(date +%s) + $(cat {bin}/began) ))""",
    )
    changes = {"SLURM_JOB_ID": "7", "PATH": f"{bin}:/usr/bin:/bin"}
    arguments: list[Any] = [INJECT, "slow", "all", *BASE[:-1], "--max-iterations", "100000", "--out", out]
    done = mpirun(P, *arguments, env=changes) if P > 1 else python(*arguments, env=changes)
    assert done.returncode == 75, done.stderr
    assert "the time limit of the job is near" in done.stdout
    t = metrics(out)[-1]["t"]
    assert t > 0
    assert (out / f"checkpoints/checkpoint-{t:010d}.safetensors").exists()
    trained(out, "--resume", "--max-iterations", str(t + 10))
    trained(tmp_path / "one", *BASE, "--max-iterations", str(t + 10))
    assert model(out) == model(tmp_path / "one")


@pytest.mark.job
def test_max_seconds_ends_a_training_with_exit_code_0(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = (*BASE[:-1], "--max-iterations", "100000", "--max-seconds", "1.5", "--out", out)
    done = mpirun(2, INJECT, "slow", "all", *arguments)
    assert done.returncode == 0, done.stderr
    assert "--max-seconds leaves no time for another iteration" in done.stdout
    last = metrics(out)[-1]
    assert last["seconds"] > 0.5
    assert (out / f"checkpoints/checkpoint-{last['t']:010d}.safetensors").exists()
