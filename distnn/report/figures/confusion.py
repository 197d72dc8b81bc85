"""The confusion matrix."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import PREDICTIONS
from distnn.report.style import GRID, INK, SERIES, WIDTH, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS
WRITTEN = 12  # classes up to which the counts are written in the cells
NAMED = 40  # names at an axis, at most; of more classes every second one has its name, or every third …


def draw(subject: Subject) -> list[Drawing]:
    """The matrix that `evaluate` gives, of the rows that the report is about: true class by predicted class."""
    found = subject.predictions
    if found is None or not subject.classes:
        return []
    confusion = np.array(found.evaluations[found.which]["confusion"], float)
    K = len(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1e-300)
    figure, [axes] = panels(height=WIDTH * 0.85)
    picture = np.zeros((K, K, 4))
    picture[..., :3] = [int(SERIES[0][place : place + 2], 16) / 255 for place in (1, 3, 5)]
    picture[..., 3] = 0.6 * shares
    axes.imshow(picture, interpolation="none", extent=(-0.5, K - 0.5, K - 0.5, -0.5), aspect="auto")
    axes.grid(False)
    if K <= WRITTEN:
        for i, j in np.ndindex(K, K):
            if confusion[i, j]:
                axes.text(j, i, f"{confusion[i, j]:.6g}", ha="center", va="center", fontsize=8 if K < 8 else 6.5)
        edges = np.arange(K + 1) - 0.5
        axes.hlines(edges, -0.5, K - 0.5, color=GRID, linewidth=0.5)
        axes.vlines(edges, -0.5, K - 0.5, color=GRID, linewidth=0.5)
    each = -(-K // NAMED)
    places, names = range(0, K, each), [shown(name) for name in subject.classes[::each]]
    size = 8 if K <= WRITTEN else 5
    axes.set_xticks(places, names, rotation=90 if max(map(len, names)) > 5 or K > WRITTEN else 0, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true")
    weighted = " An example counts as its weight." if found.weights is not None else ""
    caption = (
        f"The true class by the predicted one; the stronger a cell's color, the larger its share of the true class."
        f"{weighted} Of {found.thinned}."
    )
    return [Drawing("confusion", caption, figure)]
