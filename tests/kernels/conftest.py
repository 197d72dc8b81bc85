"""What tests of this room share."""

from __future__ import annotations

import pytest
from availability import use_instructions

from distnn.kernels import library


@pytest.fixture(params=[*library.available(), "off"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every set of instructions, and numpy."""
    use_instructions(request.param, monkeypatch)
    return str(request.param)
