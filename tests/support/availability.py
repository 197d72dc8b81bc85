"""What some tests need and not every machine has."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def unavailable(needed: str, why: str) -> NoReturn:
    """Skip the test, saying what it needs. Where DISTNN_COMPLETE is set, as in .ci/run, it fails instead."""
    if os.environ.get("DISTNN_COMPLETE"):
        pytest.fail(f"{needed}: {why}")
    pytest.skip(f"NOT TESTED HERE: {needed}: {why}")
