"""The sorts of compiled passes."""

from __future__ import annotations

import pytest
from passing import WAYS


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """The name of one of the two sorts of compiled passes."""
    return request.param
