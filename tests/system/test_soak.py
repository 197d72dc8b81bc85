"""Soak: a training that is killed, stopped, suspended and resumed on changing numbers of ranks, again and again.

python -m pytest -m slow tests/system/test_soak.py; an hour, or as many seconds as DISTNN_SOAK_SECONDS says.
docs/faults.md describes it.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import shared_memory
from mpi_runner import Job, python, start
from trainings import BASE, INJECT, metrics, model, newest

from distnn.storage.checkpoint import Checkpoints

SECONDS = float(os.environ.get("DISTNN_SOAK_SECONDS", "3600"))
OPTIONS = (*BASE, "--validation", "0.1", "--checkpoint-seconds", "1", "--watchdog", "4")
ENDLESS = ("--max-iterations", "100000000")
GROWTH = 16 << 20  # bytes that a rank may grow by while it trains

# How a start is ended: by a signal to one rank or to mpirun. Those of ORDERLY lead to a checkpoint and exit code 75.
ORDERLY = {"USR1": signal.SIGUSR1, "INT": signal.SIGINT, "TERM": signal.SIGTERM}
ENDS = (*ORDERLY, "a rank is killed", "mpirun is killed", "a rank is stopped", "killed while writing", "all are killed")


@pytest.mark.job
@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS + 600)
def test_soak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.randrange(10**6)
    chance, out, began = random.Random(seed), tmp_path / "run", time.monotonic()
    counted: Counter[str] = Counter()
    reached = -1
    while time.monotonic() - began < 0.8 * SECONDS:
        P, end = chance.choice([1, 2, 3, 4]), chance.choice(ENDS)
        fault = "killed_writing" if end == "killed while writing" else "slow"
        # A start may have been killed before it had written anything that could be gone on with.
        go_on = ("--resume",) if Checkpoints(out / "checkpoints", 3).paths() else ("--overwrite",)
        with start(
            P, INJECT, fault, "all", *(go_on if reached >= 0 else (*go_on, *OPTIONS)), *ENDLESS, "--out", out
        ) as job:
            grown = disturb(job, end, out, chance)
            code = job.process.wait(60)
        where = f"seed {seed}, start {sum(counted.values())}, {P} ranks, {end}: exit code {code}\n{grown}"
        if end in ORDERLY and grown is not None:
            assert code == 75, where
        else:
            assert code != 0, where
        assert newest(out) >= reached, f"a checkpoint was lost: {where}"
        assert grown is None or grown < GROWTH, where
        reached = newest(out)
        shared_memory.sweep()
        counted[end if grown is not None else "too early"] += 1
        with capsys.disabled():
            print(f"{time.monotonic() - began:7.0f} s  t = {reached:<8d} {P} ranks  {end}")

    last = reached + int(0.2 * SECONDS / 0.03)
    with start(2, INJECT, "slow", "all", "--resume", "--max-iterations", str(last), "--out", out) as job:
        wait_for_iterations(job, out, 20)
        before = memory(job)
        done = job.finish(SECONDS + 60)
        assert done.returncode == 0, done.stderr
    assert before
    with capsys.disabled():
        print(f"{sum(counted.values())} starts, {last} iterations: {dict(counted)}")

    done = python(
        "-m", "distnn.train", *OPTIONS, "--max-iterations", str(last), "--out", tmp_path / "one", timeout=SECONDS + 600
    )
    assert done.returncode == 0, done.stderr
    assert model(out) == model(tmp_path / "one"), f"seed {seed}"
    assert [record["t"] for record in metrics(out)] == list(range(last + 1)), f"seed {seed}: an iteration was lost"
    expected = {"options.toml", "environment.json", "metrics.jsonl", "result.json", "model.safetensors", "checkpoints"}
    assert set(os.listdir(out)) == expected
    assert all(name.startswith("checkpoint-") for name in os.listdir(out / "checkpoints"))
    assert len(os.listdir(out / "checkpoints")) == 3
    shutil.rmtree(out)


def disturb(job: Job, end: str, out: Path, chance: random.Random) -> int | None:
    """Let the training go on for a while, then end it. Returns how many bytes its ranks grew by, None if too early."""
    early = chance.random() < 0.1
    if early:
        time.sleep(chance.uniform(0, 2))
    else:
        wait_for_iterations(job, out, 10)
    before = None if early else memory(job)
    deadline = time.monotonic() + chance.uniform(0.2, 6)
    while time.monotonic() < deadline and job.process.poll() is None:
        time.sleep(0.05)
    after = None if early else memory(job)
    with contextlib.suppress(ProcessLookupError, IndexError):
        if end in ORDERLY:
            job.send_signal(ORDERLY[end])
        elif end == "mpirun is killed":
            job.send_signal(signal.SIGKILL)
        elif end != "killed while writing":
            pids = sorted(job._processes()) if early else job.rank_pids()
            for pid in pids if end == "all are killed" else [chance.choice(pids)]:
                os.kill(pid, signal.SIGSTOP if end == "a rank is stopped" and job.size > 1 else signal.SIGKILL)
    if early:
        time.sleep(1)
        job.end()
    return None if before is None or after is None or len(after) < len(before) else sum(after) - sum(before)


def wait_for_iterations(job: Job, out: Path, count: int) -> None:
    """Wait until this start has done some iterations."""
    first, deadline = None, time.monotonic() + 60
    while job.process.poll() is None and time.monotonic() < deadline:
        found = metrics(out)[-1]["t"] if metrics(out) else -1
        first = found if first is None or found < first else first
        if found >= first + count:
            return
        time.sleep(0.2)


def memory(job: Job) -> list[int]:
    """Resident bytes of each rank that is still there."""
    found = []
    for pid in job._processes():
        with contextlib.suppress(OSError):
            if "python" in Path(f"/proc/{pid}/exe").readlink().name:
                found.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return found
