"""Residuals against predicted values, a figure a target."""

from __future__ import annotations

from distnn.report.clouds import cloud
from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS


def draw(subject: Subject) -> list[Drawing]:
    """A cloud about 0 for each target, in its own units."""
    found = subject.predictions
    if found is None:
        return []
    drawings = []
    for k in subject.drawn:
        predicted = found.predicted[:, k]
        figure, [axes] = panels()
        how = cloud(axes, predicted, predicted - found.true[:, k])
        axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
        name = shown(subject.targets[k])
        axes.set_xlabel(f"{name}, predicted")
        axes.set_ylabel("predicted - true")
        caption = f"{name}: residuals of {found.thinned}. {how}{subject.left_out}"
        drawings.append(Drawing(f"residuals-{k + 1}", caption, figure))
    return drawings
