"""Predicted against true values, a figure a target."""

from __future__ import annotations

import numpy as np

from distnn.report.clouds import cloud
from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, drawable, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS


def draw(subject: Subject) -> list[Drawing]:
    """A cloud about the diagonal for each target, in its own units."""
    found = subject.predictions
    if found is None:
        return []
    drawings = []
    for k in subject.drawn:
        true, predicted = drawable(found.true[:, k]), found.predicted[:, k]
        figure, [axes] = panels()
        how = cloud(axes, true, predicted)
        ends = np.array([np.nanmin(true), np.nanmax(true)])
        axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":")
        name = shown(subject.targets[k])
        axes.set_xlabel(f"{name}, true")
        axes.set_ylabel(f"{name}, predicted")
        caption = f"{name}: predicted against true values of {found.thinned}; on the dotted line they are equal. {how}"
        caption += subject.left_out
        drawings.append(Drawing(f"predicted-{k + 1}", caption, figure))
    return drawings
