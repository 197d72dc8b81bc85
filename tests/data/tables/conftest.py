"""Small pieces for all tests of tables."""

from __future__ import annotations

import pytest

from distnn.data.tables import lines


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and pieces of a few lines, so that small files have many."""
    monkeypatch.setattr(lines, "SEGMENT", 64)
    monkeypatch.setattr(lines, "PIECE", 48)
    monkeypatch.setattr(lines, "AHEAD", 100)
