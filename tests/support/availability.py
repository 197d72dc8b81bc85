"""What some tests need and not every machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import NoReturn

import pytest

from distnn.kernels import library


def unavailable(needed: str, why: str) -> NoReturn:
    """Skip the test, saying what it needs. Where DISTNN_COMPLETE is set, as in .ci/run, it fails instead."""
    if os.environ.get("DISTNN_COMPLETE"):
        pytest.fail(f"{needed}: {why}")
    pytest.skip(f"NOT TESTED HERE: {needed}: {why}")


def need_instructions(*names: str) -> None:
    """Skip the test, saying so, unless compiled code is there and this CPU has these sets of instructions, if any.

    What a CPU lacks cannot be installed, so that this is no failure where DISTNN_COMPLETE is set.
    """
    if not library.built():
        unavailable("compiled code", "distnn installed with a C compiler, or from a wheel")
    if lacking := [name for name in names if name not in library.available()]:
        pytest.skip(f"NOT TESTED HERE: this CPU has no {' and no '.join(lacking)}")


def every_arithmetic() -> Iterator[str]:
    """Numpy, then compiled code for each set of instructions that this CPU has: what is computed meanwhile uses it.

    Within a test, where what is expected takes longer to compute than what is tested.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("off", *library.available()):
            use_instructions(name, patch)
            yield name


def use_instructions(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this test use a set of instructions, or "off"; None for the one in use where DISTNN_FUSED is not set."""
    if name is None:
        monkeypatch.delenv(library.VARIABLE, raising=False)
    else:
        monkeypatch.setenv(library.VARIABLE, name)
    monkeypatch.setattr(library, "instructions", cache(library.instructions.__wrapped__))
