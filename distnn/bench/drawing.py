"""Figures of what was measured, by matplotlib: how one is written, and what is said where it cannot be."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from distnn.errors import UserError, missing_package

ENDINGS = (".png", ".svg", ".pdf")


def check(path: str, option: str = "--figure") -> None:
    """UserError unless the file's name says of which kind the figure shall be, and matplotlib is there.

    Without importing it, which takes memory that is about to be measured. option: that names the file.
    """
    if not path.endswith(ENDINGS):
        raise UserError(f"{option} {path}: the name must end with .png, .svg or .pdf.")
    if find_spec("matplotlib") is None:
        raise missing_package("matplotlib", "report", option)


def write(figure: Any, path: str, option: str = "--figure") -> None:
    """Write it to the file, whose folder is made where it is missing. UserError where that fails."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise UserError(f"{option} {path} cannot be written: {error.strerror}.") from None
