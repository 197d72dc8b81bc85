"""Trainings submitted by launch/slurm.sbatch to a real Slurm of three virtual nodes, which each test file starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from slurm_cluster import Cluster, slurm
from submitted import Submitted

__all__ = ["HUNG", "BatchJob", "slurm", "submit"]

HUNG = "the ranks did not find each other within"


class BatchJob(Submitted):
    """A submitted slurm.sbatch."""

    def __init__(self, cluster: Cluster, folder: Path, resources: str, iterations: int):
        super().__init__(folder, iterations)
        self.cluster, self.resources = cluster, resources
        self.hung_starts: int | None = 0  # those that were gone on from; None: a hung start is what is tested

    def submit(
        self,
        *options: str,
        changes: dict[str, str] | None = None,
        launcher: str = "srun",
        through: str = "./slowly",
        environment: str | Path = sys.prefix,
    ) -> BatchJob:
        """sbatch the script with its two lines edited and further `changes`, old text to new.

        through: what the launcher starts in turn.
        """
        edits = {
            "#SBATCH --ntasks=64 --time=04:00:00": f"#SBATCH {self.resources}",
            "--cpu-bind=cores\n": f"--cpu-bind=cores {through}\n",
            '-n "$SLURM_NTASKS"\n': f'-n "$SLURM_NTASKS" {through}\n',
        }
        (self.folder / "job.sbatch").write_text(self.script("slurm.sbatch", edits | (changes or {})))
        variables = f"--export=ALL,DISTNN_VENV={environment},DISTNN_LAUNCHER={launcher},DISTNN_START_SECONDS=60"
        said = self.cluster.command("sbatch", "--parsable", variables, *options, "job.sbatch", cwd=self.folder)
        self.number = said.strip()
        return self

    def state_of_all(self) -> str:
        return f"{self.cluster.job(self.number)}\n{self.cluster.doing()}\n{self.cluster.logs()}"

    def look(self) -> None:
        """Go on from a hung start: seen once in many hundred, before any code of ours ran. The script does so, too."""
        if self.hung_starts is not None and self.log().count(HUNG) > self.hung_starts:
            self.hung_starts += 1
            self.wait_until(self.queued, "the job is put back into the queue")
            self.start_again()

    def state(self) -> str:
        return self.cluster.job(self.number)["JobState"]

    def restarts(self) -> int:
        """How often it was put back into the queue, but for hung starts."""
        return int(self.cluster.job(self.number)["Restarts"]) - (self.hung_starts or 0)

    def wait_for_requeue(self, restarts: int = 1) -> None:
        """Wait until the job is back in the queue for this time, hung starts aside, and its nodes are done with it."""
        self.wait_until(lambda: self.queued() and self.restarts() == restarts, "the job is put back into the queue")

    def queued(self) -> bool:
        completing = any(state.startswith("comp") for state in self.cluster.states())
        return self.state() == "PENDING" and not completing

    def update(self, setting: str) -> None:
        self.cluster.command("scontrol", "update", f"JobId={self.number}", setting)

    def start_again(self) -> None:
        """Shorten the requeued job's two minutes in the queue.

        Not to nothing: in the second of its last end the nodes refuse it, its credential of then being revoked.
        """
        self.update("StartTime=now+2seconds")

    def go_on(self) -> None:
        """Three more iterations, for the job that is back in the queue."""
        self.iterate_to(self.iteration() + 3)
        self.start_again()

    def finish(self) -> dict[str, str]:
        """Wait for the end; what Slurm says of the job then."""
        ended = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")
        self.wait_until(lambda: self.state() in ended, "the job ends")
        return self.cluster.job(self.number)


@pytest.fixture
def submit(slurm: Cluster, tmp_path: Path) -> Callable[..., BatchJob]:
    def create(resources: str, iterations: int) -> BatchJob:
        return BatchJob(slurm, tmp_path, resources, iterations)

    return create
