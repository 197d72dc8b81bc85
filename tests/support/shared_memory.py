"""MPI libraries leave their shared memory where a rank is killed; tests that kill ranks remove it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

FOLDER = Path("/dev/shm")
PATTERNS = ("mpich_shm_*", "sm_segment.*")  # of MPICH and of Open MPI
YOUNG = 5.0  # seconds: a file that a process may be about to map


def sweep() -> None:
    """Remove this user's files of MPI in /dev/shm that no process uses any more."""
    mapped = ""
    for path in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            mapped += path.read_text()
    for pattern in PATTERNS:
        for path in FOLDER.glob(pattern):
            with contextlib.suppress(OSError):
                found = path.stat()
                if found.st_uid == os.geteuid() and time.time() - found.st_mtime > YOUNG and str(path) not in mapped:
                    path.unlink()
