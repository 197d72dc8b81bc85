"""How long tests wait for what is sure to come: only a real hang reaches it, on a machine however slow and busy."""

from __future__ import annotations

PATIENCE = 300.0  # seconds; pytest's own limit for a test, in pyproject.toml, is far above it
