"""How much memory a rank may take: its share of what the machine, the job and its limits allow."""

from __future__ import annotations

import os
import re
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from operator import add
from pathlib import Path

from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
SHARE = 0.75  # of it for rows: the rest is for Python, buffers, the optimizer and what others read
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse(text: str) -> int:
    """The bytes that a user means by 4G, 500M or 1.5e9. UserError for what means none. Local."""
    found = re.fullmatch(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([KMGT]?)(?:i?[bB])?", text.strip(), re.IGNORECASE)
    try:
        return int(float(found[1]) * UNITS[found[2].upper()])  # type: ignore[index]
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"--memory {text}: give a number of bytes, such as 500M or 4G.") from None


def for_rows(ranks: Ranks) -> int:
    """The bytes that a rank's rows may take where the user does not say: three quarters of its share. Collective.

    Local: each node's memory is shared out among the ranks that are there.
    """
    node = socket.gethostname() + _line(PROC / "sys/kernel/random/boot_id")
    neighbours = ranks.merged(Counter([node]), add)[node]
    return int(SHARE * min([of_node() / neighbours, *_limits()]))


def of_node() -> int:
    """The bytes that processes of this job may take on this node together. Local."""
    return min([_available(), *_of_job(), *_of_cgroups()])


def is_memory(folder: str) -> bool:
    """Does what is written to this folder stay in memory? Local."""
    path, found = os.path.realpath(folder), ("", "")
    for line in _lines(PROC / "mounts"):
        place, kind = line.split(" ")[1:3]
        place = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)  # \040 is a space in it
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(found[0]):
            found = place, kind
    return found[1] in ("tmpfs", "ramfs")


def _available() -> int:
    """What the machine has to give."""
    for line in _lines(PROC / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_job() -> Iterator[int]:
    """What Slurm has given the job; 0 stands for all that there is."""
    a_node, a_cpu, cpus = (
        os.environ.get(f"SLURM_{name}", "") for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE")
    )
    if a_node.isdigit() and int(a_node):
        yield int(a_node) << 20
    if a_cpu.isdigit() and cpus.isdigit() and int(a_cpu):
        yield int(a_cpu) * int(cpus) << 20


def _of_cgroups() -> Iterator[int]:
    """The limits of this process's control groups and of those above them, of version 1 or 2."""
    for line in _lines(PROC / "self/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUPS / "memory" if controllers else CGROUPS
        inside = root / path.lstrip("/")
        for folder in (inside, *inside.parents):
            for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
                if (limit := _line(folder / name)).isdigit():
                    yield int(limit)
            if folder == root:
                break


def _limits() -> Iterator[int]:
    """What is left to this process alone, where `ulimit -v` or `ulimit -d` says so."""
    used = {line.split(":")[0]: line.split()[1] for line in _lines(PROC / "self/status") if line.startswith("Vm")}
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        allowed, _ = resource.getrlimit(limit)
        if allowed != resource.RLIM_INFINITY:
            yield max(0, allowed - (int(used.get(name, "0")) << 10))


def _lines(path: Path) -> list[str]:
    try:
        return [os.fsdecode(line) for line in path.read_bytes().splitlines()]  # names of folders, in any encoding
    except OSError:
        return []


def _line(path: Path) -> str:
    return next(iter(_lines(path)), "")
