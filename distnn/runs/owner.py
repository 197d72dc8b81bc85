"""Who a job is, in words that a job on another host can read and judge: is it still there?"""

from __future__ import annotations

import json
import os
import socket
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

# Variables that name a batch job; an array's tasks have numbers of their own, which not all systems put into the name.
JOBS = (
    ("SLURM_JOB_ID", ""),
    ("PBS_JOBID", ""),
    ("LSB_JOBID", "LSB_JOBINDEX"),
    ("FLUX_JOB_ID", ""),
    ("JOB_ID", "SGE_TASK_ID"),  # Grid Engine
)
ATTEMPT = "SLURM_RESTART_COUNT"  # of a job that was put back into the queue
EXITING = 0x4  # PF_EXITING, of the kernel's flags of a process: it gives its memory back, and no code of it runs


@dataclass(frozen=True)
class Owner:
    """A job. place: where its process can be looked for: host, its start, and the container; started: in the kernel's
    ticks, "" where that is not known; job: that of the batch system, or ""; attempt: of the batch system's to run it;
    since: for people; elastic: may the job outlive this process? token: its name, like no other.
    """

    host: str
    place: str
    process: int
    started: str
    job: str
    attempt: int
    since: str
    elastic: bool
    token: str

    def __str__(self) -> str:
        job = f" of job {self.job}" if self.job else ""
        return f"process {self.process}{job} on {self.host}, since {self.since}"

    def text(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def runs(self) -> bool | None:
        """Is its process there? None if that cannot be known here."""
        if self.place != place():
            return None
        return started(self.process) in (self.started, "")

    def is_over(self) -> bool:
        """Was it an earlier attempt of the job that this process belongs to? The batch system has ended that."""
        return bool(self.job) and self.job == job() and self.attempt < attempt()


def myself(elastic: bool, token: str | None = None) -> Owner:
    """This process, for the job of this token, or for a new one."""
    process, since = os.getpid(), f"{datetime.now():%Y-%m-%d %H:%M:%S}"
    began, token = started(process) or "", token or uuid.uuid4().hex
    return Owner(socket.gethostname(), place(), process, began, job(), attempt(), since, elastic, token)


def read(text: str) -> Owner | None:
    """The owner whose `text` that was; None if it is none's."""
    try:
        owner = Owner(**json.loads(text))
        right = all(type(getattr(owner, name)).__name__ == kind for name, kind in Owner.__annotations__.items())
        return owner if right else None
    except (ValueError, TypeError, RecursionError):
        return None


def place() -> str:
    """Host, its start and the namespace of processes: in the same place, a number means the same process."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def started(process: int) -> str | None:
    """When a process of this place was started, "" if that is hidden; None if it is not there."""
    try:
        os.kill(process, 0)
    except PermissionError:
        pass  # it is somebody else's
    except (ProcessLookupError, OverflowError):
        return None
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return None if fields[0] in "ZX" or int(fields[6]) & EXITING else fields[19]  # a zombie has ended


def job() -> str:
    """The number of the batch job that this process belongs to, "" if it belongs to none."""
    for name, index in JOBS:
        if (number := os.environ.get(name)) and (name != "JOB_ID" or "SGE_ROOT" in os.environ):
            task = os.environ.get(index, "")
            return f"{number}.{task}" if task not in ("", "0", "undefined") else number
    return ""


def attempt() -> int:
    count = os.environ.get(ATTEMPT, "")
    return int(count) if count.isdecimal() else 0
