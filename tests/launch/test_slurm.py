"""launch/slurm.sbatch on a real Slurm of three virtual nodes: what interrupts a batch job costs it nothing.

Each test submits the project's own script, its two lines to edit edited; every run ends with the bits of an
undisturbed one. Signals and ranks that die: test_slurm_signals.py, which has a Slurm of its own, since all of them wait
most of the time.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from slurm_jobs import BatchJob
from submitted import LONG

pytestmark = [pytest.mark.job, pytest.mark.batch]


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_trains_over_nodes(submit: Callable[..., BatchJob], launcher: str) -> None:
    job = submit("--nodes=3 --ntasks=3 --time=60", 10).submit(launcher=launcher)
    ended = job.finish()
    assert (ended["JobState"], ended["NumNodes"]) == ("COMPLETED", "3"), job.log()
    assert "on 3 ranks" in job.log()
    assert not (job.folder / "runs/first.starts").exists()
    job.assert_as_undisturbed()


def test_array_job_over_seeds(submit: Callable[..., BatchJob]) -> None:
    job = submit("--ntasks=2 --time=60", 3).submit("--array=1-2")
    first = f"{job.number}_1"
    job.wait_until(lambda: not job.cluster.command("squeue", "-h", "-j", job.number), "both end")
    job.number = first
    assert job.state() == "COMPLETED", job.log()
    for seed in (1, 2):
        job.assert_as_undisturbed(job.folder / f"runs/first-seed-{seed}", "--seed", str(seed), "--overwrite")


def test_early_end_of_one_task_of_an_array_is_its_own(submit: Callable[..., BatchJob]) -> None:
    """SLURM_JOB_ID of the task that started last is the whole array's number: requeueing it starts all tasks again."""
    job = submit("--ntasks=1 --time=60", 3)
    (job.folder / "options-1.toml").write_text((job.folder / "options.toml").read_text())
    job.iterate_to(LONG)
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
    job.go_on()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    job.assert_as_undisturbed(job.out, "--seed", "2", "--overwrite")


def small_environment(folder: Path) -> Path:
    """An environment that is soon copied: all but numpy are links into this one."""
    real = Path(sys.prefix)
    packages = next(real.glob("lib/python*/site-packages"))
    for source in (real, real / "bin", real / "lib", packages.parent, packages):
        target = folder / source.relative_to(real)
        target.mkdir()
        for entry in source.iterdir():
            if entry.name.startswith("numpy") and entry.is_dir():
                shutil.copytree(entry, target / entry.name)
            elif entry not in (real / "bin", real / "lib", packages.parent, packages):
                (target / entry.name).symlink_to(entry)
    return folder


def test_environment_on_the_nodes_disks(submit: Callable[..., BatchJob], tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    script = {"# source launch/stage-venv.sh": f"TMPDIR={tmp_path}/disk; source launch/stage-venv.sh"}
    script["train srun"] = 'python -c "import distnn, numpy; print(distnn.__file__, numpy.__file__)"; train srun'
    small = small_environment(tmp_path / "small")
    job = submit("--ntasks=2 --nodes=1 --time=60", 3).submit(changes=script, environment=small)
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    disk = f"{tmp_path}/disk/distnn-{job.number}"
    assert f"{disk}/distnn/__init__.py {disk}/lib/" in job.log()
    assert list((tmp_path / "disk").iterdir()) == []
    job.assert_as_undisturbed()


def test_time_limit(submit: Callable[..., BatchJob]) -> None:
    """Slurm warns some time before the limit; the job stops with a checkpoint, is requeued, and goes on."""
    job = submit("--nodes=2 --ntasks=2 --time=60", LONG).submit(changes={"B:USR1@120": "B:USR1@600"})
    job.wait_for_checkpoint()
    job.update("TimeLimit=10")  # so that it is warned soon
    job.wait_for_requeue()
    assert f"ended with exit code 75, newest checkpoint: iteration {job.iteration()}" in job.log()
    job.update("TimeLimit=60")
    job.go_on()
    ended = job.finish()
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert "--resume" in job.log()
    job.assert_as_undisturbed()


def test_dead_node(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=2 --ntasks=3 --time=60", LONG).submit()
    job.wait_for_checkpoint()
    node = job.cluster.command("scontrol", "show", "hostnames", job.cluster.job(job.number)["NodeList"]).split()[1]
    job.cluster.kill_node(node)
    job.wait_for_requeue()
    job.cluster.bury_node(node)
    job.go_on()
    ended = job.finish()
    job.cluster.start_node(node)
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert node not in job.cluster.command("scontrol", "show", "hostnames", ended["NodeList"]).split()
    job.assert_as_undisturbed()
    job.wait_until(lambda: job.cluster.states() == ["idle"] * 3, "the node comes back")


def test_cancelled_job_stays_cancelled(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=2 --ntasks=2 --time=60", LONG).submit()
    job.wait_for_checkpoint()
    job.cluster.command("scancel", job.number)
    ended = job.finish()
    time.sleep(1)
    assert (job.state(), ended["Restarts"]) == ("CANCELLED", "0"), job.log()


def test_bad_options_are_not_tried_again(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=2 --ntasks=2 --time=60", 10).submit(changes={"--config options.toml": "--hidden -1"})
    ended = job.finish()
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "2:0", "0"), job.log()


def test_preemption(submit: Callable[..., BatchJob]) -> None:
    job = submit("--nodes=2 --ntasks=2 --time=60", LONG).submit()
    job.wait_for_checkpoint()
    urgent = ("sbatch", "--parsable", "--partition=urgent", "--nodes=3", "--exclusive", "--wrap=sleep 2")
    other = job.cluster.command(*urgent, "--output=/dev/null", cwd=job.folder).strip()
    job.wait_for_requeue()
    job.go_on()
    ended = job.finish()
    assert (ended["JobState"], job.restarts()) == ("COMPLETED", 1), job.log()
    assert job.cluster.job(other)["JobState"] == "COMPLETED"
    job.assert_as_undisturbed()


def test_gives_up_without_progress(submit: Callable[..., BatchJob]) -> None:
    """A job that only ever stops early is started three times, not for ever."""
    job = submit("--ntasks=1 --time=60", 10).submit(changes={"    train srun": "    train bash -c 'exit 75' --"})
    for restarts in (1, 2, 3):
        job.wait_for_requeue(restarts)
        job.start_again()
    ended = job.finish()
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "1:0", "3"), job.log()
    assert "3 starts in a row wrote no newer checkpoint" in job.log()
