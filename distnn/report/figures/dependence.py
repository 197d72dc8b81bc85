"""Partial dependence on the inputs, a figure an input."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import INPUTS
from distnn.report.influence import Curve
from distnn.report.style import SERIES, drawable, legend, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = INPUTS
WORDS = 20  # of a column, that are drawn


def draw(subject: Subject) -> list[Drawing]:
    """The mean prediction by the value of each of the most important inputs."""
    found = subject.influence
    if found is None:
        return []
    names = subject.classes or subject.targets
    outputs = [1] if len(subject.classes) == 2 else list(range(len(names)))[: len(SERIES)]
    means = np.concatenate([curve.mean[:, outputs].ravel() for curve in found.curves])
    means = means[np.isfinite(drawable(means))]
    low, high = (means.min(), means.max()) if len(means) else (0.0, 0.0)
    margin = 0.05 * high - 0.05 * low
    drawings = []
    for place, curve in enumerate(found.curves):
        figure, [axes] = panels()
        _draw(curve, axes, [(shown(names[k]), k) for k in outputs])
        axes.set_xlabel(shown(curve.column))
        axes.set_ylabel("mean output" if subject.classes or len(outputs) > 1 else f"mean of {shown(names[0])}")
        if margin > 0:
            axes.set_ylim(low - margin, high + margin)  # the same for all inputs
        if len(outputs) > 1 or subject.classes:
            legend(axes)
        caption = (
            f"The mean prediction over {found.curve_rows:,} rows where {shown(curve.column)} has one value in all of "
            "them, and the other inputs stay as they are."
        )
        caption += f" Of {len(names)} outputs the first {len(outputs)} are drawn." * (len(names) > len(SERIES))
        drawings.append(Drawing(f"dependence-{place + 1}", caption, figure))
    return drawings


def _draw(curve: Curve, axes: object, outputs: list[tuple[str, int]]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for place, (name, k) in enumerate(outputs):
        if curve.is_of_words:
            few = slice(WORDS)
            places = np.arange(len(curve.values[few]))
            axes.plot(places, drawable(curve.mean[few, k]), "o", color=SERIES[place], markersize=5, label=name)
        else:
            style = "o-" if len(curve.values) < 4 else "-"
            axes.plot(curve.values, drawable(curve.mean[:, k]), style, color=SERIES[place], markersize=4, label=name)
    if curve.is_of_words:
        names = [shown(str(word)) for word in curve.values[:WORDS]]
        axes.set_xticks(range(len(names)), names, rotation=90 if sum(map(len, names)) > 30 else 0)
