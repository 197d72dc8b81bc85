"""Calibration: how often a class is the true one where the model says that it is with some probability."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, SERIES, legend, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS
BINS = 10


def draw(subject: Subject) -> list[Drawing]:
    """A curve for each class, for the second one of two; of many classes, for the most frequent ones."""
    found = subject.predictions
    if found is None or found.scores is None:
        return []
    K = len(subject.classes)
    frequent = np.argsort(-np.bincount(found.true, minlength=K), kind="stable")[: len(SERIES)]
    figure, [axes] = panels()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for place, k in enumerate((1,) if K == 2 else sorted(frequent.tolist())):
        said, is_so, weight = calibration(found.true == k, found.scores[:, k], found.weights)
        axes.plot(said, is_so, color=SERIES[place], linewidth=0.9, label=shown(subject.classes[k]))
        axes.scatter(said, is_so, 6 + 60 * weight / weight.sum(), color=SERIES[place], linewidths=0)
    axes.set_xlabel("mean output for the class")
    axes.set_ylabel("share that is of the class")
    legend(axes, "upper left")
    caption = (
        f"Calibration on {found.thinned}, in {BINS} bins of equal width; on the dotted line what the model says is as "
        "often true as it says. The larger a point, the more of the rows are in its bin."
    )
    if subject.model is not None and subject.model.error != "cross-entropy":
        caption += " The network was trained by squared error: its outputs, brought to 0 to 1, are no probabilities."
    caption += f" Of {K} classes the most frequent ones are drawn." * (len(SERIES) < K)
    return [Drawing("calibration", caption, figure)]


def calibration(
    true: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean score, the share that is of the class, and the weight, by bin, of the bins that are not empty.

    true: bool (r,); scores: (r,), 0 to 1; weights: (r,) or None. A bin has its right end, the first one both.
    """
    weights = np.ones(len(true)) if weights is None else weights
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], scores)
    total, said, hits = (np.bincount(bins, weights * values, BINS) for values in (np.ones(len(true)), scores, true))
    there = total > 0
    return said[there] / total[there], hits[there] / total[there], total[there]
