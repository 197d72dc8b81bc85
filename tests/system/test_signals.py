"""Signals to a job at any time: before the training it ends at once, in it with a checkpoint; code 75, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mpi_runner import Job, environment, start
from patience import PATIENCE
from trainings import INJECT, TRAINING, metrics, newest, trained, wait_until

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("no_shared_memory_stays")]

ENDING = [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP]
NOISY = ("--examples", "6000", "--optimizer", "gradient-descent", "--log-every", "1")
PHASES = {
    "imports": "reports/console.py:<module>",
    "options": "arguments.py:read",
    "the directory": "directory.py:RunDirectory.create",
    "opening": "tables/__init__.py:open_source",
    "reading": "rows.py:Rows.read",
}


def job(ranks: int, *arguments: str | Path) -> Job:
    return start(ranks, *arguments) if ranks > 1 else Job([sys.executable, *map(str, arguments)])


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("phase", PHASES)
def test_between_start_and_training(phase: str, ranks: int, tmp_path: Path) -> None:
    """Rank 0 is busy, the others wait for it, or are where it is."""
    number = ENDING[list(PHASES).index(phase) % (2 if ranks > 1 else 3)]  # MPICH's mpirun dies of SIGHUP by itself
    with job(ranks, INJECT, f"hang in {PHASES[phase]}", "0", *TRAINING, "--out", tmp_path / "run") as started:
        started.wait_for("hangs here")
        started.send_signal(number)
        done = started.finish()
    assert done.returncode == 75, done.stderr
    assert done.stderr.count(f"received {number.name} before the training began: there is nothing to save.") == 1
    assert "Traceback" not in done.stderr
    trained(tmp_path / "run", *TRAINING)


@pytest.mark.parametrize("number", [*ENDING, signal.SIGINT])
def test_while_numpy_is_imported(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import time\nprint('hangs here', flush=True)\ntime.sleep(1000)")
    command = [sys.executable, "-m", "distnn.train", *TRAINING, "--out", str(tmp_path / "run")]
    with Job(command, env={"PYTHONPATH": str(tmp_path)}) as started:
        started.wait_for("hangs here")
        started.send_signal(number)
        done = started.finish()
    assert done.returncode == (130 if number == signal.SIGINT else 75)
    assert "Traceback" not in done.stderr


def test_to_one_rank_that_waits(tmp_path: Path) -> None:
    with start(3, INJECT, "hang in rows.py:Rows.read", "0", *TRAINING, "--out", tmp_path / "run") as started:
        started.wait_for("hangs here")
        os.kill(started.rank_pids()[2], signal.SIGHUP)
        done = started.finish()
    assert done.returncode == 75, done.stderr
    assert done.stderr.count("received SIGHUP before the training began") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("ranks", [1, 3])
def test_ctrl_c_before_the_training(ranks: int, tmp_path: Path) -> None:
    with job(ranks, INJECT, "hang in rows.py:Rows.read", "0", *TRAINING, "--out", tmp_path / "run") as started:
        started.wait_for("hangs here")
        started.send_signal(signal.SIGINT)
        done = started.finish()
    assert done.returncode == 130, done.stderr
    assert done.stderr.count("distnn: interrupted.") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_hangup_to_a_rank_writes_a_checkpoint(ranks: int, tmp_path: Path) -> None:
    options = (*TRAINING[:-1], "1000000", "--out", tmp_path / "run")
    with job(ranks, INJECT, "slow", "all", *options) as started:
        wait_until(lambda: len(metrics(tmp_path / "run")) > 2, "training")
        os.kill(started.rank_pids()[1] if ranks > 1 else started.process.pid, signal.SIGHUP)
        done = started.finish()
    assert done.returncode == 75, done.stderr
    assert newest(tmp_path / "run") > 0


def test_nohup(tmp_path: Path) -> None:
    command = ["bash", "-c", 'trap "" HUP; exec "$@"', "bash", sys.executable, str(INJECT), "slow", "all"]
    with Job([*command, *TRAINING[:-1], "300", "--out", str(tmp_path / "run")]) as started:
        wait_until(lambda: len(metrics(tmp_path / "run")) > 2, "training")
        started.send_signal(signal.SIGHUP)
        assert started.finish().returncode == 0


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """Its foreground processes get SIGHUP, and what they print goes nowhere."""
    terminal, side = os.openpty()
    script = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    options = (*NOISY, "--max-iterations", "1000000", "--out", str(tmp_path / "run"))
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(INJECT), "slow", "all", *options],
        stdin=side, stdout=side, stderr=side, start_new_session=True, env=environment(),
    )  # fmt: skip
    os.close(side)
    try:
        wait_until(lambda: len(metrics(tmp_path / "run")) > 2, "training")
        os.close(terminal)
        assert process.wait(PATIENCE) == 75
    finally:
        process.kill()
    assert newest(tmp_path / "run") > 0
    assert (tmp_path / "run" / "result.json").exists()
