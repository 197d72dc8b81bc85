"""Learning curves: E_in and E_val, with the iteration whose weights were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distnn.report.curves import over_both, thinned
from distnn.report.figures import LEARNING
from distnn.report.history import History
from distnn.report.style import SERIES
from distnn.report.subject import Drawing, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECTION = LEARNING


def draw(subject: Subject) -> list[Drawing]:
    """The errors by iteration, and by time."""
    validated = any(np.isfinite(history.of("E_val")).any() for history in subject.histories)
    words = "E_in, the error on the rows trained on"
    words += ", and E_val, dashed, that on the rows held out" * validated
    return over_both(subject, "errors", f"{words}; the dot marks the weights that were kept", _curves)


def _curves(axes: Axes, history: History, x: np.ndarray, color: str, label: str | None) -> None:
    kept = history.kept
    held = np.isfinite(history.of("E_val")).any()
    marked = "E_val" if held else "E_in"
    for quantity, style in (("E_in", "-"), ("E_val", "--")):
        y = history.of(quantity)
        if not np.isfinite(y).any():
            continue
        own = color if label else SERIES[quantity == "E_val"]
        axes.plot(*thinned(x, y), style, color=own, label=quantity if label is None else label * (quantity == "E_in"))
        if quantity == marked and kept is not None and np.isfinite(y[kept]):
            axes.plot(x[kept], y[kept], "o", color=own, markersize=5)
