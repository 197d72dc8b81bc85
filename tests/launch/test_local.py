"""local.sh: training on this machine, with its options, on its cores, and until a signal."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from pathlib import Path

import pytest
from mpi_runner import environment
from patience import PATIENCE
from tiny_checkout import OWN, local

pytestmark = pytest.mark.job


def test_local_passes_options_on(ready: Path) -> None:
    with local(ready, "--hidden", "16", "-n", "3", "--out", "a folder") as job:
        done = job.finish()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 ranks --hidden 16 --out a folder\n"
    assert done.stderr == ""  # silent when the environment is there


def test_local_does_not_take_the_launchers_exit_code_for_success(ready: Path) -> None:
    """Open MPI's mpirun --with-ft ulfm ends with 0 where all ranks were killed."""
    mpirun = ready / ".venv/bin/mpirun"
    mpirun.write_text("#!/bin/sh\nexit 0\n")
    with local(ready, "-n", "2") as job:
        done = job.finish()
    assert done.returncode == 1
    assert "rank 0 did not come to its end" in done.stderr


def cores() -> int:
    """The cores that local.sh should find: affinity, and the share given to a container."""
    count = len(os.sched_getaffinity(0))
    limit = Path("/sys/fs/cgroup/cpu.max")
    quota, period = limit.read_text().split() if limit.exists() else ("max", "1")
    return count if quota == "max" else min(count, -(-int(quota) // int(period)))


def test_local_takes_all_cores(ready: Path) -> None:
    with local(ready, OMP_NUM_THREADS="1") as job:  # which would make nproc say 1
        done = job.finish()
    assert done.stdout == f"{cores()} ranks\n", done.stderr


@pytest.mark.parametrize("number", ["0", "-1", "eight", ""])
def test_local_refuses_a_senseless_number_of_processes(ready: Path, number: str) -> None:
    with local(ready, "-n", number) as job:
        done = job.finish()
    assert done.returncode == 2
    assert "-n needs a number of processes" in done.stderr


def test_local_help(ready: Path) -> None:
    with local(ready, "--help") as job:
        done = job.finish()
    assert done.returncode == 0 and "the number of processes" in done.stdout
    assert "1 ranks --help" in done.stdout  # the trainer's own


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_local_asks_each_rank_once_to_stop_and_waits(ready: Path, number: signal.Signals) -> None:
    with local(ready, "-n", "2", "--wait") as job:
        job.wait_for("2 ranks")
        job.send_signal(number)
        done = job.finish()
    assert done.returncode == 75, done.stderr
    assert "seen: [['SIGUSR1'], ['SIGUSR1']]" in done.stdout


def test_local_interrupted_by_ctrl_c_on_a_terminal(ready: Path) -> None:
    """The terminal sends SIGINT to the whole foreground process group, not only to the script."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir("/")
        os.execve(ready / "launch/local.sh", ["local.sh", "-n", "2", "--wait"], environment(OWN))
    output, interrupted, deadline = "", False, time.monotonic() + PATIENCE
    while time.monotonic() < deadline and select.select([terminal], [], [], PATIENCE)[0]:
        try:
            output += os.read(terminal, 4096).decode()
        except OSError:  # the other end is closed
            break
        if "2 ranks" in output and not interrupted:
            os.write(terminal, b"\x03")
            interrupted = True
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 75, output
    assert "seen: [['SIGUSR1'], ['SIGUSR1']]" in output
