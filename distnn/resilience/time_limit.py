"""How long this job has: what the batch system says, and when to stop so that a checkpoint still fits.

Rank 0 alone looks at the clock. It raises `ranks.stop_request`, as a signal does, and all ranks agree on that in the
next message.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping

from distnn.training.interruption import TIME_LIMIT, TIME_USED

ASK_SECONDS = 10.0  # that the batch system gets to answer
RESERVE = 10.0  # seconds before a job's end that are left to the launcher, and to the script that goes on
EXTENDED = 30.0  # seconds: a smaller change of the time left is no extension


class TimeLimit:
    """When to stop. Local to rank 0. used: seconds of earlier parts of this training, for max_seconds.

    left: asks for the seconds left to the job, None if nobody knows. The next two iterations (a flag raised now stops
    the training after the next one) and the checkpoint must fit, as long as the longest so far.
    """

    def __init__(self, max_seconds: float | None, used: float, left: Callable[[], float | None]):
        self.left, self.now = left, time.monotonic()
        self.job_ends = self._ask()
        self.user_ends = math.inf if max_seconds is None else self.now + max_seconds - used
        self.iteration = self.checkpoint = 0.0

    def _ask(self) -> float:
        left = self.left()
        return math.inf if left is None else time.monotonic() + left - RESERVE

    def lap(self) -> int:
        """An iteration has ended. Returns what to raise as `ranks.stop_request`: 0 while there is time for another."""
        before, self.now = self.now, time.monotonic()
        self.iteration = max(self.iteration, self.now - before)
        until = self.now + 2 * self.iteration + 1.5 * self.checkpoint
        if until > self.job_ends:
            before, self.job_ends = self.job_ends, self._ask()  # it may have been extended
            if self.job_ends < before + EXTENDED:
                return TIME_LIMIT
        return TIME_USED if until > self.user_ends else 0

    def wrote(self) -> None:
        """A checkpoint has been written since the last lap."""
        before, self.now = self.now, time.monotonic()
        self.checkpoint = max(self.checkpoint, self.now - before)


def seconds_left(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds until the batch system ends this job; None if it sets no limit or cannot be asked. Never an error.

    Slurm and PBS are asked; others are not known here, and send a signal before the end if told to.
    """
    for variable, ask in (("SLURM_JOB_ID", _slurm), ("PBS_JOBID", _pbs)):
        if job := environment.get(variable):
            return ask(job, environment)
    return None


def _slurm(job: str, environment: Mapping[str, str]) -> float | None:
    if task := environment.get("SLURM_ARRAY_TASK_ID"):
        job = f"{environment.get('SLURM_ARRAY_JOB_ID', job)}_{task}"  # the number of an array is also that of a task
    found = _duration(_output(["squeue", "-h", "-j", job, "-o", "%L"]))
    end = environment.get("SLURM_JOB_END_TIME", "")  # newer versions set it; squeue also knows of an extension
    return float(end) - time.time() if found is None and end.isdecimal() else found


def _pbs(job: str, environment: Mapping[str, str]) -> float | None:
    text = _output(["qstat", "-f", job])
    limit = _duration(_field(text, "Resource_List.walltime"))
    if limit is None and environment.get("PBS_WALLTIME", "").isdecimal():
        limit = float(environment["PBS_WALLTIME"])
    used = _duration(_field(text, "resources_used.walltime"))
    return None if limit is None else limit - (used or 0.0)


def _field(text: str, name: str) -> str:
    found = re.search(rf"^\s*{re.escape(name)}\s*=\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=ASK_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _duration(text: str) -> float | None:
    """[days-][[hours:]minutes:]seconds; None for UNLIMITED, INVALID and whatever else there may be."""
    found = re.fullmatch(r"(?:(\d{1,6})-)?(?:(?:(\d{1,6}):)?(\d{1,6}):)?(\d{1,9})", text.strip(), re.ASCII)
    if not found:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 86400 * days + 3600 * hours + 60 * minutes + seconds
