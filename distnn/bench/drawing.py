"""Figures of what was measured, by matplotlib: how one is begun and written, and what is said where it cannot be."""

from __future__ import annotations

from typing import Any

from distnn.errors import UserError, missing_package

ENDINGS = (".png", ".svg", ".pdf")


def check(path: str, option: str = "--figure") -> None:
    """UserError unless the file's name says of which kind the figure shall be. option: that names it."""
    if not path.endswith(ENDINGS):
        raise UserError(f"{option} {path}: the name must end with .png, .svg or .pdf.")


def begin(width: float, height: float, option: str = "--figure") -> Any:
    """An empty figure of so many inches, a matplotlib Figure. UserError where that is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_package("matplotlib", "report", option) from None
    return Figure(figsize=(width, height), layout="constrained")


def write(figure: Any, path: str, option: str = "--figure") -> None:
    """Write it to the file. UserError where that fails."""
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise UserError(f"{option} {path} cannot be written: {error.strerror}.") from None
