"""Curves of a training's course: a quantity over iterations or seconds, of one run or of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from distnn.report.history import History
from distnn.report.style import SERIES, legend, logarithmic, panels, shown
from distnn.report.subject import Drawing, Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 800  # points of a curve; of longer ones, the lowest and the highest of each stretch
SCALES = (("t", "iteration", "by iteration"), ("seconds", "seconds", "by time"))


def over_both(
    subject: Subject, name: str, caption: str, draw: Callable[[Axes, History, np.ndarray, str, str | None], None]
) -> list[Drawing]:
    """Two figures, by iteration and by time, of what draw(axes, history, x, color, label) draws of a run.

    label: the run's name where there are several, else None.
    """
    told = [history for history in subject.histories if history.records]
    if not told:
        return []
    found, several = [], len(told) > 1
    longest = max(len(history.of("t")) for history in told)
    thinned = f" Of each stretch of {longest:,} records the lowest and the highest are drawn." * (longest > MOST)
    for quantity, label, words in SCALES:
        figure, [axes] = panels()
        for place, history in enumerate(told):
            draw(axes, history, history.of(quantity), SERIES[place % len(SERIES)], shown_run(history, several))
        if axes.has_data():
            logarithmic(axes)
        axes.set_xlabel(label)
        legend(axes)
        found.append(Drawing(f"{name}-{words.replace(' ', '-')}", f"{caption}, {words}.{thinned}", figure))
    return found


def shown_run(history: History, several: bool) -> str | None:
    """The name of a run in a legend, the end of its path; none where there is one run."""
    return shown("/".join(history.path.parts[-2:])) if several else None


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points that a curve is drawn through, at most about MOST: the lowest and the highest y of each stretch."""
    if len(x) <= MOST:
        return x, y
    kept: list[int] = []
    for places in np.array_split(np.arange(len(x)), MOST // 2):
        part = y[places]
        if np.isfinite(part).any():
            kept += sorted({int(places[np.nanargmin(part)]), int(places[np.nanargmax(part)])})
        else:
            kept.append(int(places[0]))
    kept = sorted({0, *kept, len(x) - 1})
    return x[kept], y[kept]
