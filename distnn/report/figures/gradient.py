"""The length of the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distnn.report.curves import over_both, thinned
from distnn.report.figures import LEARNING
from distnn.report.history import History
from distnn.report.subject import Drawing, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECTION = LEARNING


def draw(subject: Subject) -> list[Drawing]:
    """|G| by iteration, and by time."""
    return over_both(subject, "gradient", "|G|, the length of the gradient", _curve)


def _curve(axes: Axes, history: History, x: np.ndarray, color: str, label: str | None) -> None:
    axes.plot(*thinned(x, history.of("gradient_norm")), color=color, label=label)
    axes.set_ylabel("|G|")
