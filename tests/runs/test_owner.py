"""Who a job is: read back as written, and found to be there or not."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from distnn.runs import owner


def test_it_reads_back_as_written() -> None:
    me = owner.myself(elastic=True)
    assert owner.read(me.text()) == me
    assert me.runs() is True
    assert replace(me, place="elsewhere").runs() is None
    assert owner.myself(elastic=False).token != me.token
    for broken in ("", "7", "{}", me.text().replace("true", "7"), me.text()[:-1]):
        assert owner.read(broken) is None


@pytest.mark.job
def test_a_process_that_has_ended_is_not_there_even_before_anybody_waits_for_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner.started(process.pid) is None
    assert process.wait() == 0
    assert owner.started(2**70) is None
    assert owner.started(1)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ""),
        ({"SLURM_JOB_ID": "5"}, "5"),
        ({"LSB_JOBID": "5", "LSB_JOBINDEX": "0"}, "5"),
        ({"LSB_JOBID": "5", "LSB_JOBINDEX": "2"}, "5.2"),
        ({"JOB_ID": "5", "SGE_TASK_ID": "undefined"}, ""),
        ({"JOB_ID": "5", "SGE_TASK_ID": "undefined", "SGE_ROOT": "/opt/sge"}, "5"),
        ({"JOB_ID": "5", "SGE_TASK_ID": "3", "SGE_ROOT": "/opt/sge"}, "5.3"),
        ({"PBS_JOBID": "5[2].server"}, "5[2].server"),
    ],
)
def test_the_batch_job(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*sum(owner.JOBS, ()), "SGE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert owner.job() == expected


@pytest.mark.parametrize(("count", "over"), [("2", True), ("1", False), ("", False), ("x", False)])
def test_an_earlier_attempt_of_this_job_is_over(count: str, over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "5")
    monkeypatch.setenv(owner.ATTEMPT, "1")
    before = owner.myself(elastic=False)
    monkeypatch.setenv(owner.ATTEMPT, count)
    assert before.is_over() is over
    assert not replace(before, job="6").is_over()


@pytest.mark.job
def test_a_process_that_is_giving_its_memory_back_has_ended() -> None:
    """It takes a while after a signal: no other job should be refused a directory for that."""
    taken = "x = bytearray(1 << 29); print(len(x), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", taken], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        with suppress(ProcessLookupError):  # once it has lost its memory
            while True:
                Path(f"/proc/{process.pid}/environ").read_bytes()
        assert owner.started(process.pid) is None
