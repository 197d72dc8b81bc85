"""What the numbers were measured on, and how much memory a process took."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distnn.errors import memory_taken
from distnn.kernels import cpu, library
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks


def describe(ranks: Ranks) -> dict[str, Any]:
    """The machine and its libraries, for the results. Local."""
    here = environment.record()
    return {
        "cpu": cpu.name(),
        "cores": len(cpu.cores()),
        "system": f"{platform.system()} {platform.machine()}",
        "ranks": ranks.size,
        "load": round(os.getloadavg()[0], 2),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **{name: here[name] for name in ("python", "numpy", "blas", "kernel", "threads", "mpi", "compiler")},
        "fused": library.instructions() or "none",
    }


def reset_peak() -> None:
    """Begin to look for the largest memory of this process anew, without what nobody uses, where the system can."""
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps memory that was freed
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """The largest memory of this process since `reset_peak`, or since it began."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return memory_taken()
