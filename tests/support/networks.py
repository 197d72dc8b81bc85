"""Architectures for tests."""

from __future__ import annotations

ARCHITECTURES = [(1, 1), (3, 2), (2, 5, 1), (4, 3, 2, 3), (2, 3, 1, 4, 2)]
