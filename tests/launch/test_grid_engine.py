"""launch/sge.sh on a real Grid Engine of one node: what interrupts a batch job costs it nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from grid_engine import GridEngine, grid  # noqa: F401, a fixture
from patience import PATIENCE
from submitted import LONG, Submitted

pytestmark = [pytest.mark.job, pytest.mark.batch]

STOPPED = "ended with exit code 75"
HOUR = "01:00:00"

SLEEP = """\
#!/usr/bin/env bash
# Notes how long it was to sleep, and ends when the test says that the time is over.
echo "$1" >>"${0%/*}/asked"
until rm "${0%/*}/over"; do /bin/sleep 0.1; done 2>/dev/null
"""


def stand_in_for_sleep(folder: Path) -> Path:
    """The folder of a command `sleep` by which the script's clock goes as the test likes."""
    clock = folder / "clock"
    clock.mkdir()
    (clock / "sleep").write_text(SLEEP)
    (clock / "sleep").chmod(0o755)
    return clock


class GridJob(Submitted):
    """A submitted sge.sh."""

    def __init__(self, grid: GridEngine, folder: Path, iterations: int):  # noqa: F811
        super().__init__(folder, iterations)
        self.grid = grid

    def submit(self, *options: str, h_rt: str = HOUR, path: str = "$PATH") -> None:
        """qsub the script with its two lines edited, and this PATH."""
        edits = {
            "#$ -pe mpi 64 -l h_rt=04:00:00": f"#$ -pe mpi 2{f' -l h_rt={h_rt}' if h_rt else ''}",
            "source launch/batch.sh": f"PATH={path}\nsource launch/batch.sh",
            'train mpirun -n "$NSLOTS"': 'train mpirun -n "$NSLOTS" ./slowly',
        }
        (self.folder / "job.sh").write_text(self.script("sge.sh", edits))
        variables = f"DISTNN_VENV={sys.prefix}"
        said = self.grid.command("qsub", "-terse", "-v", variables, *options, "job.sh", cwd=self.folder)
        self.number = said.strip().partition(".")[0]

    def starts(self) -> int:
        return self.log().count("python -m distnn.train")

    def state_of_all(self) -> str:
        return self.grid.command("qstat", "-f", check=False) + self.grid.logs()

    def wait_for_end(self) -> None:
        self.wait_until(lambda: self.number not in self.grid.command("qstat").split(), "the job ends")

    def hold(self, task: str = "") -> None:
        """Let it not start again, once it has stopped, before `release`."""
        self.grid.command("qhold", f"{self.number}{task}")

    def release(self, task: str = "") -> None:
        self.wait_until(lambda: STOPPED in self.log() and "hRq" in self.grid.command("qstat"), "it is put back, held")
        self.grid.command("qrls", f"{self.number}{task}")


@pytest.fixture
def create(grid: GridEngine, tmp_path: Path) -> Callable[[int], GridJob]:  # noqa: F811
    return lambda iterations: GridJob(grid, tmp_path, iterations)


def test_trains(create: Callable[[int], GridJob]) -> None:
    job = create(5)
    job.submit()
    job.wait_for_end()
    assert "on 2 ranks" in job.log() and "ended with exit code 0" in job.log(), job.log()
    assert job.starts() == 1
    job.assert_as_undisturbed()


@pytest.mark.parametrize("whose", ["job", "queue"])
def test_time_limit(create: Callable[[int], GridJob], grid: GridEngine, whose: str) -> None:  # noqa: F811
    """Grid Engine kills a job at h_rt without a word, for good: the script is not to let it come to that."""
    job = create(LONG)
    clock = stand_in_for_sleep(job.folder)
    asked = clock / "asked"
    if whose == "queue":
        grid.command("qconf", "-mattr", "queue", "h_rt", HOUR, "all.q")
    try:
        job.submit(h_rt=HOUR if whose == "job" else "", path=f"{clock}:$PATH")
        job.wait_for_checkpoint()
        job.hold()
        job.wait_until(lambda: asked.exists() and "\n" in asked.read_text(), "the script's clock goes")
        assert 3600 - 180 - PATIENCE < int(asked.read_text()) <= 3600 - 180
        (clock / "over").touch()
        job.wait_until(lambda: STOPPED in job.log(), "the training stops in time")
        job.iterate_to(job.iteration() + 3)
        job.release()
        job.wait_for_end()
    finally:
        grid.command("qconf", "-mattr", "queue", "h_rt", "INFINITY", "all.q")
    assert job.starts() == 2 and "--resume" in job.log(), job.log()
    assert "ended with exit code 0" in job.log(), job.log()
    job.assert_as_undisturbed()


def test_deleted_job_writes_a_checkpoint_and_stays_deleted(create: Callable[[int], GridJob]) -> None:
    job = create(LONG)
    job.submit()
    job.wait_for_checkpoint()
    job.grid.command("qdel", job.number)
    job.wait_until(lambda: STOPPED in job.log(), "the warning is heeded")
    job.wait_for_end()
    time.sleep(2)  # in which it would start again
    assert job.starts() == 1, job.log()


def test_early_end_of_one_task_of_an_array_is_its_own(create: Callable[[int], GridJob]) -> None:
    job = create(LONG)
    job.submit("-t", "1-2")
    for seed in (1, 2):
        job.out = job.folder / f"runs/first-seed-{seed}"
        job.wait_for_checkpoint()
    job.hold(".2")
    os.kill(job.grid.script_process(job.number, "2"), signal.SIGUSR1)
    job.wait_until(lambda: STOPPED in job.log(), "the task stops")
    job.iterate_to(job.iteration() + 3)
    job.release(".2")
    job.wait_until(lambda: "ended with exit code 0" in job.log(), "the task that stopped starts again and ends")
    job.grid.command("qdel", job.number)
    job.wait_for_end()
    starts = [path.read_text().count("python -m distnn.train") for path in sorted(job.folder.glob("distnn.o*.*"))]
    assert starts == [1, 2], job.log()
    job.assert_as_undisturbed(None, "--seed", "2")
