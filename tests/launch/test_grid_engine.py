"""launch/sge.sh on a real Grid Engine of one node: what interrupts a batch job costs it nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from checkout import LAUNCH
from grid_engine import GridEngine, grid  # noqa: F401, a fixture
from mpi_runner import python
from safetensors.numpy import load_file

TRAINING = {"examples": 40_000, "hidden": [30, 30], "optimizer": "gradient-descent", "checkpoint_every": 5, "keep": 2}

pytestmark = [pytest.mark.job, pytest.mark.batch, pytest.mark.timeout(300)]


class GridJob:
    """A submitted sge.sh in a folder of its own; options of the training stand in options.toml."""

    def __init__(self, grid: GridEngine, folder: Path, iterations: int):  # noqa: F811
        self.grid, self.folder, self.out = grid, folder, folder / "runs/first"
        (folder / "launch").symlink_to(LAUNCH)
        self.iterate_to(iterations)

    def iterate_to(self, iterations: int) -> None:
        """Let the training end at this iteration, from the next start on."""
        values = TRAINING | {"max_iterations": iterations}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (self.folder / "options.toml").write_text(text)

    def submit(self, *options: str, h_rt: str = "00:05:00") -> None:
        """qsub the script with its two lines edited."""
        script = (LAUNCH / "sge.sh").read_text()
        edits = {
            "#$ -pe mpi 64 -l h_rt=04:00:00": f"#$ -pe mpi 2{f' -l h_rt={h_rt}' if h_rt else ''}",
            "OPTIONS=(--hidden 30 30 --max-iterations 100000)": "OPTIONS=(--config options.toml)",
        }
        for old, new in edits.items():
            assert script.count(old) == 1, old
            script = script.replace(old, new)
        (self.folder / "job.sh").write_text(script)
        variables = f"DISTNN_VENV={sys.prefix},DISTNN_START_SECONDS=30"
        said = self.grid.command("qsub", "-terse", "-v", variables, *options, "job.sh", cwd=self.folder)
        self.number = said.strip().partition(".")[0]

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("distnn.*o*")))

    def iteration(self) -> int:
        """The newest checkpoint's iteration, or -1."""
        return max((int(path.stem.split("-")[1]) for path in self.out.glob("checkpoints/*.safetensors")), default=-1)

    def starts(self) -> int:
        return self.log().count("python -m distnn.train")

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                said = self.grid.command("qstat", "-f", check=False)
                pytest.fail(f"{what}: not within {timeout:g} s.\n{said}\n{self.log()}\n{self.grid.logs()}")
            time.sleep(0.1)

    def wait_for_end(self) -> None:
        self.wait_until(lambda: self.number not in self.grid.command("qstat").split(), "the job ends")


@pytest.fixture
def create(grid: GridEngine, tmp_path: Path) -> Callable[[int], GridJob]:  # noqa: F811
    return lambda iterations: GridJob(grid, tmp_path, iterations)


def assert_as_undisturbed(job: GridJob, *options: str) -> None:
    """The model has the bits that the same training on one process, without interruption, gives."""
    alone = job.folder / "alone"
    done = python("-m", "distnn.train", "--config", "options.toml", "--out", alone, *options, cwd=job.folder)
    assert done.returncode == 0, done.stderr
    expected, found = (load_file(path / "model.safetensors") for path in (alone, job.out))
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{name}\n{job.log()}")


def test_trains(create: Callable[[int], GridJob]) -> None:
    job = create(5)
    job.submit()
    job.wait_for_end()
    assert "on 2 ranks" in job.log() and "ended with exit code 0" in job.log(), job.log()
    assert job.starts() == 1
    assert_as_undisturbed(job)


@pytest.mark.parametrize("whose", ["job", "queue"])
def test_time_limit(create: Callable[[int], GridJob], grid: GridEngine, whose: str) -> None:  # noqa: F811
    """Grid Engine kills a job at h_rt without a word, for good: the script is not to let it come to that."""
    job = create(10**6)
    if whose == "queue":
        grid.command("qconf", "-mattr", "queue", "h_rt", "00:00:24", "all.q")
    try:
        job.submit(h_rt="00:00:24" if whose == "job" else "")
        job.wait_until(lambda: "ended with exit code 75" in job.log(), "the training stops in time")
        job.iterate_to(job.iteration() + 3)
        job.wait_for_end()
    finally:
        grid.command("qconf", "-mattr", "queue", "h_rt", "INFINITY", "all.q")
    assert job.starts() == 2 and "--resume" in job.log(), job.log()
    assert "ended with exit code 0" in job.log(), job.log()
    assert_as_undisturbed(job)


def test_deleted_job_writes_a_checkpoint_and_stays_deleted(create: Callable[[int], GridJob]) -> None:
    job = create(10**6)
    job.submit()
    job.wait_until(lambda: job.iteration() > 0, "a checkpoint")
    job.grid.command("qdel", job.number)
    job.wait_until(lambda: "ended with exit code 75" in job.log(), "the warning is heeded")
    job.wait_for_end()
    time.sleep(2)
    assert job.starts() == 1, job.log()


def test_early_end_of_one_task_of_an_array_is_its_own(create: Callable[[int], GridJob]) -> None:
    job = create(10**6)
    job.submit("-t", "1-2")
    outs = [job.folder / f"runs/first-seed-{seed}" for seed in (1, 2)]
    for job.out in outs:
        job.wait_until(lambda: job.iteration() > 0, "a checkpoint")
    job.iterate_to(job.iteration() + 30)
    os.kill(job.grid.job_processes("2", job.number)[0], signal.SIGUSR1)
    job.wait_until(lambda: "ended with exit code 0" in job.log(), "the task that stopped starts again and ends")
    job.grid.command("qdel", job.number)
    job.wait_for_end()
    starts = [path.read_text().count("python -m distnn.train") for path in sorted(job.folder.glob("distnn.o*.*"))]
    assert starts == [1, 2], job.log()
    assert_as_undisturbed(job, "--seed", "2")
