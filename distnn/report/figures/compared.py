"""The errors of several models on the same rows, a figure a target."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distnn.report.curves import MOST
from distnn.report.figures import PREDICTIONS
from distnn.report.style import SERIES, drawable, legend, logarithmic, panels, shown
from distnn.report.subject import TARGETS, Drawing, Subject

SECTION = PREDICTIONS


def draw(subject: Subject) -> list[Drawing]:
    """The share of rows by the largest error among them, a curve a model."""
    found = subject.compared
    if found is None:
        return []
    drawings = []
    for k, target in enumerate(found.targets[:TARGETS] or ("",)):
        figure, [axes] = panels()
        for place, (name, errors) in enumerate(zip(found.names, found.errors, strict=True)):
            label = shown("/".join(Path(name).parts[-2:]))
            axes.plot(*shares(errors[:, k]), color=SERIES[place % len(SERIES)], label=label)
        what = f"error of {shown(target)}" if target else "what the output of the true class lacks"
        logarithmic(axes, "x")
        axes.set_ylim(0, 1)
        axes.set_xlabel(what)
        axes.set_ylabel("share of rows with at most that")
        legend(axes, "upper left")
        caption = (
            f"The models on the same {found.rows} of {found.path}: the share of rows by their absolute {what}. The "
            "further to the left a curve is, the smaller are the errors."
        )
        caption += f" Of {len(found.targets)} targets the first {TARGETS} are drawn." * (len(found.targets) > TARGETS)
        drawings.append(Drawing(f"compared-{k + 1}", caption, figure))
    return drawings


def shares(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors from small to large, at most MOST, and the share of rows whose error is at most that; none of 0 is drawn.

    errors: (r,), not negative.
    """
    ordered = np.sort(drawable(errors))
    above = np.flatnonzero(ordered > 0)
    places = above[np.linspace(0, len(above) - 1, min(MOST, len(above))).round().astype(int)]
    return ordered[places], (places + 1) / len(ordered)
