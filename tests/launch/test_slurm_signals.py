"""launch/slurm.sbatch on a real Slurm: signals, and ranks that die or never come. What else there is: test_slurm.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from slurm_jobs import HUNG, BatchJob
from submitted import LONG

pytestmark = [pytest.mark.job, pytest.mark.batch]


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
@pytest.mark.parametrize("whom", ["--batch", "--full", "ranks"])
def test_signal_by_scancel(submit: Callable[..., BatchJob], whom: str, launcher: str) -> None:
    job = submit("--nodes=2 --ntasks=2 --time=60", LONG).submit(launcher=launcher)
    job.wait_for_checkpoint()
    job.cluster.command("scancel", "--signal=USR1", *([] if whom == "ranks" else [whom]), job.number)
    job.wait_for_requeue()
    job.go_on()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    job.assert_as_undisturbed()


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_killed_rank(submit: Callable[..., BatchJob], launcher: str) -> None:
    """The others are ended, and the job starts again from the newest checkpoint."""
    job = submit("--nodes=2 --ntasks=2 --time=60", LONG).submit(launcher=launcher)
    job.wait_for_checkpoint()
    for pid in job.cluster.job_processes("n2"):
        os.kill(pid, signal.SIGKILL)
    job.wait_for_requeue()
    job.go_on()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    job.assert_as_undisturbed()


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_rank_that_never_comes(submit: Callable[..., BatchJob], launcher: str) -> None:
    """MPI waits for it for ever; the job does not."""
    job = submit("--nodes=2 --ntasks=2 --time=60", 10)
    job.hung_starts = None
    (job.folder / "late").write_text(
        '#!/usr/bin/env bash\n[[ $PMI_RANK == 1 && -z $SLURM_RESTART_COUNT ]] && exec sleep 1000\nexec "$@"\n'
    )
    (job.folder / "late").chmod(0o755)
    patience = "export DISTNN_START_SECONDS=$((SLURM_RESTART_COUNT ? 200 : 5))\n"
    changes = {"source launch/batch.sh": f"{patience}source launch/batch.sh"}
    job.submit(changes=changes, launcher=launcher, through="./late")
    job.wait_for_requeue()
    if launcher == "srun":  # what MPICH's mpirun ends with depends on which of several deaths it sees first
        assert f"{HUNG} 5 s (DISTNN_START_SECONDS)" in job.log(), job.log()
    job.start_again()
    assert job.finish()["JobState"] == "COMPLETED", job.log()
    job.assert_as_undisturbed()
