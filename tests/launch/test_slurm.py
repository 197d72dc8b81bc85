"""launch/slurm.sbatch on a real Slurm of three virtual nodes: what interrupts a batch job costs it nothing.

Each test submits the project's own script, its two lines to edit edited; every run ends with the bits of an
undisturbed one.
"""

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
from mpi_runner import python
from safetensors.numpy import load_file
from slurm_cluster import Cluster, slurm  # noqa: F401, a fixture

TRAINING = {"examples": 40_000, "hidden": [30, 30], "optimizer": "gradient-descent", "checkpoint_every": 5, "keep": 2}

HUNG = "the ranks did not find each other within"

pytestmark = [pytest.mark.job, pytest.mark.batch, pytest.mark.timeout(600)]


class BatchJob:
    """A submitted slurm.sbatch in a folder of its own; options of the training stand in options.toml."""

    def __init__(self, cluster: Cluster, folder: Path, resources: str, iterations: int):
        self.cluster, self.folder, self.resources = cluster, folder, resources
        self.out = folder / "runs/first"
        self.hung_starts: int | None = 0  # those that were gone on from; None: a hung start is what is tested
        (folder / "launch").symlink_to(LAUNCH)
        self.iterate_to(iterations)

    def iterate_to(self, iterations: int) -> None:
        """Let the training end at this iteration, from the next start on."""
        values = TRAINING | {"max_iterations": iterations}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (self.folder / "options.toml").write_text(text)

    def submit(self, *options: str, changes: dict[str, str] | None = None, launcher: str = "srun") -> BatchJob:
        """sbatch the script with its two lines edited and further `changes`, old text to new."""
        script = (LAUNCH / "slurm.sbatch").read_text()
        edits = {
            "#SBATCH --ntasks=64 --time=04:00:00": f"#SBATCH {self.resources}",
            "OPTIONS=(--hidden 30 30 --max-iterations 100000)": "OPTIONS=(--config options.toml)",
        }
        for old, new in [*edits.items(), *(changes or {}).items()]:
            assert script.count(old) == 1, old
            script = script.replace(old, new)
        (self.folder / "job.sbatch").write_text(script)
        variables = f"--export=ALL,DISTNN_VENV={sys.prefix},DISTNN_LAUNCHER={launcher},DISTNN_START_SECONDS=30"
        said = self.cluster.command("sbatch", "--parsable", variables, *options, "job.sbatch", cwd=self.folder)
        self.number = said.strip()
        return self

    def log(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def iteration(self) -> int:
        """The newest checkpoint's iteration, or -1."""
        return max((int(path.stem.split("-")[1]) for path in self.out.glob("checkpoints/*.safetensors")), default=-1)

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(
                    f"{what}: not within {timeout:g} s.\n{self.cluster.job(self.number)}\n{self.log()}\n"
                    f"{self.cluster.doing()}\n{self.cluster.logs()}"
                )
            if self.hung_starts is not None and self.log().count(HUNG) > self.hung_starts:
                # Seen once in many hundred starts, before any code of ours ran. The script goes on from that, too.
                self.hung_starts += 1
                self.wait_until(self.queued, "the job is put back into the queue")
                self.start_again()
                deadline = time.monotonic() + timeout
            time.sleep(0.1)

    def state(self) -> str:
        return self.cluster.job(self.number)["JobState"]

    def restarts(self) -> int:
        """How often it was put back into the queue, but for hung starts."""
        return int(self.cluster.job(self.number)["Restarts"]) - (self.hung_starts or 0)

    def wait_for_checkpoint(self, iteration: int = 0) -> None:
        self.wait_until(lambda: self.iteration() > iteration, f"a checkpoint after iteration {iteration}")

    def wait_for_requeue(self, restarts: int = 1, timeout: float = 60) -> None:
        """Wait until the job is back in the queue for this time, hung starts aside, and its nodes are done with it."""
        self.wait_until(
            lambda: self.queued() and self.restarts() == restarts, "the job is put back into the queue", timeout
        )

    def queued(self) -> bool:
        completing = any(state.startswith("comp") for state in self.cluster.states())
        return self.state() == "PENDING" and not completing

    def start_again(self) -> None:
        """Shorten the requeued job's two minutes in the queue.

        Not to nothing: in the second of its last end the nodes refuse it, its credential of then being revoked.
        """
        self.cluster.command("scontrol", "update", f"JobId={self.number}", "StartTime=now+2seconds")

    def finish(self, timeout: float = 90) -> dict[str, str]:
        """Wait for the end; what Slurm says of the job then."""
        ended = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY")
        self.wait_until(lambda: self.state() in ended, "the job ends", timeout)
        return self.cluster.job(self.number)


@pytest.fixture
def submit(slurm: Cluster, tmp_path: Path) -> Callable[..., BatchJob]:  # noqa: F811
    def create(resources: str, iterations: int) -> BatchJob:
        return BatchJob(slurm, tmp_path, resources, iterations)

    return create


def assert_as_undisturbed(job: BatchJob, out: Path | None = None, *options: str) -> None:
    """The model has the bits that the same training on one process, without interruption, gives."""
    alone = job.folder / "alone"
    train = ("-m", "distnn.train", "--config", "options.toml", "--out", alone, *options)
    done = python(*train, cwd=job.folder, timeout=300)  # one process does what all ranks did, on a busy machine
    assert done.returncode == 0, done.stderr
    expected, found = (load_file(path / "model.safetensors") for path in (alone, out or job.out))
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{name}\n{job.log()}")


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_trains_over_nodes(submit: Callable[..., BatchJob], launcher: str) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=5", 10).submit(launcher=launcher)
    ended = job.finish()
    assert (ended["JobState"], ended["NumNodes"]) == ("COMPLETED", "3"), job.log()
    assert "on 3 ranks" in job.log()
    assert not (job.folder / "runs/first.starts").exists()
    assert_as_undisturbed(job)


def test_array_job_over_seeds(submit: Callable[..., BatchJob]) -> None:
    job = submit("--ntasks=2 --time=5", 3).submit("--array=1-2")
    first = f"{job.number}_1"
    job.wait_until(lambda: not job.cluster.command("squeue", "-h", "-j", job.number), "both end")
    job.number = first
    assert job.state() == "COMPLETED", job.log()
    for seed in (1, 2):
        assert_as_undisturbed(job, job.folder / f"runs/first-seed-{seed}", "--seed", str(seed), "--overwrite")


def test_early_end_of_one_task_of_an_array_is_its_own(submit: Callable[..., BatchJob]) -> None:
    """SLURM_JOB_ID of the task that started last is the whole array's number: requeueing it starts all tasks again."""
    job = submit("--ntasks=1 --time=5", 3)
    (job.folder / "options-1.toml").write_text((job.folder / "options.toml").read_text())
    job.iterate_to(10**6)
    (job.folder / "options-2.toml").symlink_to("options.toml")
    job.submit("--array=1-2", changes={"(--config options.toml)": "(--config options-$SLURM_ARRAY_TASK_ID.toml)"})
    array, job.out = job.number, job.folder / "runs/first-seed-2"
    job.wait_for_checkpoint()
    job.number = f"{array}_1"
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    job.number = f"{array}_2"
    assert job.cluster.job(job.number)["JobId"] == array, "this task should have the array's number"
    job.cluster.command("scancel", "--batch", "--signal=USR1", job.number)
    job.wait_for_requeue()
    first = job.cluster.job(f"{array}_1")
    assert (first["JobState"], first["Restarts"]) == ("COMPLETED", "0"), job.log()
    job.iterate_to(job.iteration() + 3)
    job.start_again()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    assert_as_undisturbed(job, job.out, "--seed", "2", "--overwrite")


def test_environment_on_the_nodes_disks(submit: Callable[..., BatchJob], tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    script = {"# source launch/stage-venv.sh": f"TMPDIR={tmp_path}/disk; source launch/stage-venv.sh"}
    script["train srun"] = 'python -c "import distnn, numpy; print(distnn.__file__, numpy.__file__)"; train srun'
    job = submit("--ntasks=2 --nodes=1 --time=5", 3).submit(changes=script)
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    disk = f"{tmp_path}/disk/distnn-{job.number}"
    assert f"{disk}/distnn/__init__.py {disk}/lib/" in job.log()
    assert list((tmp_path / "disk").iterdir()) == []
    assert_as_undisturbed(job)


def test_time_limit(submit: Callable[..., BatchJob]) -> None:
    """Slurm warns some time before the limit; the job stops with a checkpoint, is requeued, and goes on."""
    # Slurm may warn up to a minute earlier than it is told to: 15 s after the start, or as late as 75.
    job = submit("--nodes=3 --ntasks=3 --time=2", 10**6).submit(changes={"B:USR1@120": "B:USR1@45"})
    job.wait_for_checkpoint()
    job.wait_for_requeue(timeout=150)
    stopped = job.iteration()
    assert f"ended with exit code 75, newest checkpoint: iteration {stopped}" in job.log()
    job.iterate_to(stopped + 3)
    job.start_again()
    ended = job.finish()
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert "--resume" in job.log()
    assert_as_undisturbed(job)


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
@pytest.mark.parametrize("whom", ["--batch", "--full", "ranks"])
def test_signal_by_scancel(submit: Callable[..., BatchJob], whom: str, launcher: str) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=5", 10**6).submit(launcher=launcher)
    job.wait_for_checkpoint()
    job.cluster.command("scancel", "--signal=USR1", *([] if whom == "ranks" else [whom]), job.number)
    job.wait_for_requeue()
    stopped = job.iteration()
    job.iterate_to(stopped + 3)
    job.start_again()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    assert_as_undisturbed(job)


def test_dead_node(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=2 --ntasks=3 --time=5", 10**6).submit()
    job.wait_for_checkpoint()
    node = job.cluster.command("scontrol", "show", "hostnames", job.cluster.job(job.number)["NodeList"]).split()[1]
    job.cluster.kill_node(node)
    job.wait_for_requeue(timeout=120)
    job.cluster.bury_node(node)
    job.iterate_to(job.iteration() + 3)
    job.start_again()
    ended = job.finish()
    job.cluster.start_node(node)
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert node not in job.cluster.command("scontrol", "show", "hostnames", ended["NodeList"]).split()
    assert_as_undisturbed(job)
    job.wait_until(lambda: job.cluster.states() == ["idle"] * 3, "the node comes back")


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_killed_rank(submit: Callable[..., BatchJob], launcher: str) -> None:
    """The others are ended, and the job starts again from the newest checkpoint."""
    job = submit("--nodes=3 --ntasks=3 --time=5", 10**6).submit(launcher=launcher)
    job.wait_for_checkpoint()
    for pid in job.cluster.job_processes("n2"):
        os.kill(pid, signal.SIGKILL)
    job.wait_for_requeue()
    job.iterate_to(job.iteration() + 3)
    job.start_again()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    assert_as_undisturbed(job)


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_rank_that_never_comes(submit: Callable[..., BatchJob], launcher: str) -> None:
    """MPI waits for it for ever; the job does not."""
    job = submit("--nodes=3 --ntasks=3 --time=5", 10)
    job.hung_starts = None
    (job.folder / "late").write_text(
        '#!/usr/bin/env bash\n[[ $PMI_RANK == 1 && -z $SLURM_RESTART_COUNT ]] && exec sleep 1000\nexec "$@"\n'
    )
    (job.folder / "late").chmod(0o755)
    changes = {"source launch/batch.sh": "export DISTNN_START_SECONDS=5\nsource launch/batch.sh"}
    changes |= {"--cpu-bind=cores\n": "--cpu-bind=cores ./late\n", '"$SLURM_NTASKS"\n': '"$SLURM_NTASKS" ./late\n'}
    job.submit(changes=changes, launcher=launcher)
    job.wait_for_requeue()
    if launcher == "srun":  # what MPICH's mpirun ends with depends on which of several deaths it sees first
        assert f"{HUNG} 5 s (DISTNN_START_SECONDS)" in job.log(), job.log()
    job.start_again()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    assert_as_undisturbed(job)


def test_cancelled_job_stays_cancelled(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=5", 10**6).submit()
    job.wait_for_checkpoint()
    job.cluster.command("scancel", job.number)
    ended = job.finish()
    time.sleep(1)
    assert (job.state(), ended["Restarts"]) == ("CANCELLED", "0"), job.log()


def test_bad_options_are_not_tried_again(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=5", 10).submit(changes={"--config options.toml": "--hidden 0"})
    ended = job.finish()
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "2:0", "0"), job.log()


def test_preemption(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=5", 10**6).submit()
    job.wait_for_checkpoint()
    urgent = ("sbatch", "--parsable", "--partition=urgent", "--nodes=3", "--exclusive", "--wrap=sleep 2")
    other = job.cluster.command(*urgent, "--output=/dev/null", cwd=job.folder).strip()
    job.wait_for_requeue()
    job.iterate_to(job.iteration() + 3)
    job.start_again()
    ended = job.finish()
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert job.cluster.job(other)["JobState"] == "COMPLETED"
    assert_as_undisturbed(job)


def test_gives_up_without_progress(submit: Callable[..., BatchJob]) -> None:
    """A job that only ever stops early is started three times, not for ever."""
    job = submit("--ntasks=1 --time=5", 10).submit(changes={"    train srun": "    train bash -c 'exit 75' --"})
    for restarts in (1, 2, 3):
        job.wait_for_requeue(restarts)
        job.start_again()
    ended = job.finish()
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "1:0", "3"), job.log()
    assert "3 starts in a row wrote no newer checkpoint" in job.log()
