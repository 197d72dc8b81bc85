"""Trackers: where the course of a training is shown besides its directory. To add one: a file here, its line in
TRACKERS, and its package in an extra of that name in pyproject.toml.

The file has a function `tracker()`, which returns its `Tracker`. It imports its package at its top: it is itself
imported on rank 0 alone, before the training begins, and only where --track names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from distnn.errors import UserError
from distnn.runs.trackers.tracker import Course, Tracker

__all__ = ["TRACKERS", "Course", "Tracker", "require", "tracker"]

TRACKERS: dict[str, str | None] = {  # the package that each needs
    "csv": None,
    "tensorboard": "tensorboard",
    "mlflow": "mlflow",
    "wandb": "wandb",
}


def require(names: Sequence[str]) -> None:
    """UserError for a name that is no tracker, or whose package is missing. Local."""
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"--track {name}: choose from {', '.join(TRACKERS)}.")
        package = TRACKERS[name]
        if package is not None and find_spec(package) is None:
            raise UserError(f"--track {name} needs the package {package}: pip install 'distnn[{name}]'.")


def tracker(name: str) -> Tracker:
    """The tracker of this name, whose package is imported. Local. UserError if it is not set up; whatever that raises.

    `require` has been asked.
    """
    made: Tracker = import_module(f"{__name__}.{name}").tracker()
    return made
