"""Fixtures for tests of the estimators."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def routing() -> Iterator[None]:
    """Metadata routing is on."""
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        yield
