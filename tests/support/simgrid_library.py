"""Tests that simulate ranks need SimGrid, which not every machine has."""

from __future__ import annotations

import pytest

from distnn.bench.scaling.simgrid import ADVICE, find
from distnn.errors import UserError


def need_simgrid() -> None:
    """Skip the test, saying so, where SimGrid is not installed: nothing but a measurement needs it."""
    try:
        find()
    except UserError:
        pytest.skip(f"NOT TESTED HERE: {ADVICE}")
