"""The processor: its name, and the cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distnn.kernels import cpu


def test_the_cores_that_this_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    assert cpu.cores() == tuple(sorted(before))
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cpu.cores() == (min(before),)
    finally:
        os.sched_setaffinity(0, before)


def test_all_cores_where_none_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cpu.cores() == (0, 1, 2)


def test_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: another\n"
    monkeypatch.setattr(Path, "read_text", lambda path, **options: text)
    assert cpu.name() == "A CPU @ 2 GHz"


def test_a_name_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **options: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert cpu.name()
