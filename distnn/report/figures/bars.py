"""Error bars: intervals of single rows, with what was observed, a figure a target."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import PREDICTIONS
from distnn.report.intervals import PROBABILITY
from distnn.report.style import INK, SERIES, drawable, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS
ROWS = 60  # that have room


def draw(subject: Subject) -> list[Drawing]:
    """Rows in the order of their predictions, as many as have room."""
    found = subject.intervals
    if found is None:
        return []
    drawings = []
    for k in subject.drawn:
        order = np.argsort(found.predicted[:, k], kind="stable")
        order = order[np.unique(np.linspace(0, len(order) - 1, ROWS).round().astype(int))]
        lower, upper = drawable(found.bounds[order, k]).T
        places = np.arange(len(order))
        figure, [axes] = panels()
        axes.vlines(places, lower, upper, color=SERIES[0], linewidth=2, alpha=0.45)
        axes.plot(places, drawable(found.predicted[order, k]), color=SERIES[0], linewidth=1, label="predicted")
        axes.plot(places, drawable(found.true[order, k]), "o", color=INK, markersize=3, label="true")
        axes.legend(loc="upper left")
        axes.set_xticks([])
        axes.set_xlabel("rows in the order of their predictions")
        axes.set_ylabel(shown(subject.targets[k]))
        caption = (
            f"{shown(subject.targets[k])}: the intervals that hold a new observation with {PROBABILITY:.0%}, of "
            f"{len(order):,} of {len(found.true):,} rows, evenly spread.{subject.left_out}"
        )
        drawings.append(Drawing(f"bars-{k + 1}", caption, figure))
    return drawings
