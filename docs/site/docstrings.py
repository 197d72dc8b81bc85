"""Docstrings are plain sentences with `code` in them; Sphinx takes them for reStructuredText."""

from __future__ import annotations

import re
from typing import Any


def to_rst(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """`code` becomes ``code``, and letters that mean something in reStructuredText mean nothing. Changes `lines`."""
    text = "\n".join(lines)
    parts = re.split(r"`+([^`]+)`+", text)
    parts[::2] = [re.sub(r"([\\*|_])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{' '.join(part.split())}``" for part in parts[1::2]]
    lines[:] = "".join(parts).splitlines()
