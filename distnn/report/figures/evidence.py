"""The course of Bayesian regularisation."""

from __future__ import annotations

import numpy as np

from distnn.report.curves import shown_run, thinned
from distnn.report.figures import LEARNING
from distnn.report.style import SERIES, legend, panels
from distnn.report.subject import Drawing, Subject

SECTION = LEARNING
QUANTITIES = (
    (
        "evidence",
        "log evidence",
        "The log evidence: of two networks for one table, the one with the larger is likelier",
    ),
    ("gamma", "γ", "γ, the number of weights that the rows determine"),
)


def draw(subject: Subject) -> list[Drawing]:
    """The log evidence and γ by iteration, where they are known."""
    drawings = []
    for quantity, label, words in QUANTITIES:
        told = [history for history in subject.histories if np.isfinite(history.of(quantity)).any()]
        if not told:
            continue
        figure, [axes] = panels()
        for place, history in enumerate(told):
            run = shown_run(history, len(subject.histories) > 1)
            curve = thinned(history.of("t"), history.of(quantity))
            axes.plot(*curve, color=SERIES[place % len(SERIES)], label=run)
        axes.set_xlabel("iteration")
        axes.set_ylabel(label)
        legend(axes)
        drawings.append(Drawing(quantity, f"{words}.", figure))
    return drawings
