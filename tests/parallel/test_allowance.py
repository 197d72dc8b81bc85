"""How much memory a rank may take."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from threaded_ranks import on_ranks

from distnn.errors import UserError
from distnn.parallel import allowance
from distnn.parallel.ranks import OneRank

GB = 1 << 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4G", 4 * GB), ("4g", 4 * GB), ("1.5GiB", 3 * GB // 2), ("500MB", 500 << 20), ("0", 0), ("2e9", 2 * 10**9),
     ("7 K", 7168), ("1T", 1 << 40), ("123b", 123)],
)  # fmt: skip
def test_amounts(text: str, expected: int) -> None:
    assert allowance.parse(text) == expected


@pytest.mark.parametrize("text", ["", "G", "-1G", "4X", "1..5G", "nan", "1e999", "four"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UserError, match="give a number of bytes, such as 500M or 4G"):
        allowance.parse(text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 64 GB to give, no limits, and files that a test may add."""
    monkeypatch.setattr(allowance, "PROC", tmp_path / "proc")
    monkeypatch.setattr(allowance, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(allowance.resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    write(tmp_path / "proc/meminfo", f"MemTotal: {99 << 20} kB\nMemAvailable: {64 << 20} kB\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_machine_is_shared_by_its_ranks(machine: Path) -> None:
    assert allowance.for_rows(OneRank()) == 48 * GB
    assert on_ranks(3, allowance.for_rows) == [16 * GB] * 3
    (machine / "proc/meminfo").unlink()
    assert allowance.of_node() > 1 << 28


def test_control_groups(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "5:cpu:/x\n4:memory,hugetlb:/job/step\n")
    write(machine / "cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert allowance.of_node() == 64 * GB
    write(machine / "cgroup/memory/job/memory.limit_in_bytes", f"{7 * GB}\n")  # of a group above its own
    assert allowance.of_node() == 7 * GB
    write(machine / "proc/self/cgroup", "0::/user/job\n")
    assert allowance.of_node() == 64 * GB
    write(machine / "cgroup/user/job/memory.max", "max\n")
    write(machine / "cgroup/user/memory.high", f"{5 * GB}\n")
    assert allowance.of_node() == 5 * GB
    write(machine / "cgroup/memory.max", f"{3 * GB}\n")  # as a container sees it
    assert allowance.of_node() == 3 * GB


def test_slurm(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "0")
    assert allowance.of_node() == 64 * GB
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "8192")
    assert allowance.of_node() == 8 * GB
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "1024")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "6")
    assert allowance.of_node() == 6 * GB


def test_limits_of_a_process(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_AS: (5 * GB, -1), resource.RLIMIT_DATA: (-1, -1)}
    monkeypatch.setattr(allowance.resource, "getrlimit", limits.__getitem__)
    write(machine / "proc/self/status", f"Name: python\nVmSize:   {1 << 20} kB\nVmData:  9 kB\n")
    assert on_ranks(3, allowance.for_rows) == [3 * GB] * 3
    limits[resource.RLIMIT_AS] = (GB // 2, -1)
    assert allowance.for_rows(OneRank()) == 0


def test_folders_in_memory(machine: Path) -> None:
    write(
        machine / "proc/mounts", "a / ext4 rw 0 0\nb /shm tmpfs rw 0 0\nc /shm/disk ext4 rw 0 0\nd /shmx ext4 rw 0 0\n"
    )
    assert allowance.is_memory("/shm") and allowance.is_memory("/shm/a/b")
    assert not any(map(allowance.is_memory, ("/", "/shmx", "/shmy", "/shm/disk/a")))
    (machine / "proc/mounts").write_bytes(b"a / ext4 rw 0 0\nb /K\xf6ln tmpfs rw 0 0\n")  # no UTF-8
    assert allowance.is_memory(os.fsdecode(b"/K\xf6ln")) and not allowance.is_memory("/home")
    mounts = "a / ext4 rw 0 0\nb /my\\040disk\\011\\134 tmpfs rw 0 0\nc /a\u00a0b tmpfs rw 0 0\n"
    write(machine / "proc/mounts", mounts)
    assert allowance.is_memory("/my disk\t\\/a") and allowance.is_memory("/a\u00a0b")
    (machine / "proc/mounts").unlink()
    assert not allowance.is_memory("/shm")
