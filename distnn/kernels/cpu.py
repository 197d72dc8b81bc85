"""The processor that this process runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def cores() -> tuple[int, ...]:
    """The cores that this process may use; all of them where the system, as macOS, has no such rule. Local."""
    if not hasattr(os, "sched_getaffinity"):
        return tuple(range(os.cpu_count() or 1))
    return tuple(sorted(os.sched_getaffinity(0)))


def name() -> str:
    """What the CPU calls itself, or else its architecture. Local."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
