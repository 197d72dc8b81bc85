"""The time that an iteration takes."""

from __future__ import annotations

import numpy as np

from distnn.report.curves import MOST, shown_run, thinned
from distnn.report.figures import TIME
from distnn.report.history import History
from distnn.report.style import SERIES, legend, panels
from distnn.report.subject import Drawing, Subject

SECTION = TIME


def draw(subject: Subject) -> list[Drawing]:
    """Seconds an iteration over the course of the training."""
    told = [history for history in subject.histories if len(history.of("t")) > 1]
    if not told:
        return []
    figure, [axes] = panels()
    medians = []
    for place, history in enumerate(told):
        t, seconds = seconds_an_iteration(history)
        label = shown_run(history, len(told) > 1)
        axes.plot(*thinned(t, seconds), color=SERIES[place % len(SERIES)], linewidth=0.9, label=label)
        medians.append(f"{float(np.nanmedian(seconds)):.3g} s")
    axes.set_xlabel("iteration")
    axes.set_ylabel("seconds an iteration")
    axes.set_ylim(bottom=0)
    legend(axes)
    caption = f"The time of an iteration; the median is {', '.join(medians)}."
    caption += " Of each stretch the shortest and the longest are drawn." * any(len(h.of("t")) > MOST for h in told)
    return [Drawing("seconds-an-iteration", caption, figure)]


def seconds_an_iteration(history: History) -> tuple[np.ndarray, np.ndarray]:
    """Iterations t, and the seconds that each took, or each of those since the record before."""
    t, seconds = history.of("t"), history.of("seconds")
    return t[1:], np.diff(seconds) / np.diff(t)
