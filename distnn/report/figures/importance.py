"""Permutation importance of the inputs."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import INPUTS
from distnn.report.influence import REPEATS
from distnn.report.style import INK, SERIES, drawable, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = INPUTS
BARS = 25


def draw(subject: Subject) -> list[Drawing]:
    """Bars, the most important input first."""
    found = subject.influence
    if found is None:
        return []
    falls = drawable(found.importance)
    mean = falls.mean(axis=1)
    order = np.argsort(-mean, kind="stable")[:BARS]
    figure, [axes] = panels(height=1 + 0.22 * len(order))
    places = np.arange(len(order))
    axes.barh(places, mean[order], color=SERIES[0], height=0.7)
    axes.hlines(places, falls.min(axis=1)[order], falls.max(axis=1)[order], color=INK, linewidth=1)
    axes.set_yticks(places, [shown(found.columns[j]) for j in order])
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    score = "the share that is right" if subject.classes else "R²"
    axes.set_xlabel(f"fall of {score}")
    caption = (
        f"By how much {score}, {found.score:.4g} on these {found.rows:,} rows, falls where an input's values are dealt "
        f"out anew: the mean of {REPEATS} permutations, and a line from the least to the most."
    )
    caption += f" Of {len(mean)} inputs the most important ones are drawn." * (len(order) < len(mean))
    return [Drawing("importance", caption, figure)]
