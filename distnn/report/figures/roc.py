"""Receiver operating characteristics: each class against the others."""

from __future__ import annotations

import numpy as np

from distnn.report.curves import MOST
from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, SERIES, legend, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS


def draw(subject: Subject) -> list[Drawing]:
    """A curve for each class, for the second one of two; of many classes, for those with the smallest areas."""
    found = subject.predictions
    if found is None or found.scores is None:
        return []
    K, weights = len(subject.classes), found.weights
    curves = {}
    for k in (1,) if K == 2 else range(K):
        false, true = roc(found.true == k, found.scores[:, k], weights)
        if np.isfinite(false).all() and np.isfinite(true).all():
            curves[k] = (area(false, true), false, true)
    if not curves:
        return []
    worst = sorted(curves, key=lambda k: curves[k][0])[: len(SERIES)]
    figure, [axes] = panels()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for place, k in enumerate(sorted(worst)):
        under, false, true = curves[k]
        few = np.unique(np.linspace(0, len(false) - 1, MOST).round().astype(int))
        axes.plot(false[few], true[few], color=SERIES[place], label=f"{shown(subject.classes[k])}, area {under:.4f}")
    axes.set_xlabel("share of the others that is taken for it")
    axes.set_ylabel("share of the class that is found")
    legend(axes, "lower right")
    caption = f"Receiver operating characteristic of {found.thinned}: each class against the others."
    caption += f" Of {len(curves)} classes those with the smallest areas are drawn." * (len(worst) < len(curves))
    return [Drawing("roc", caption, figure)]


def roc(true: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The shares of the others and of the class whose score is at least a threshold, for falling thresholds.

    true: bool (r,), scores: (r,), weights: (r,) or None. Both begin with 0 and end with 1; points on a straight line
    between their neighbours are left out. NaN where there is none of the class, or none else.
    """
    order = np.argsort(-scores, kind="stable")
    true, scores = true[order], scores[order]
    weights = np.ones(len(true)) if weights is None else weights[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of rows with the same score
    hits, misses = (np.append(0.0, np.cumsum(weights * kind)[last]) for kind in (true, ~true))
    bends = np.ones(len(hits), bool)
    bends[1:-1] = (np.diff(hits, 2) != 0) | (np.diff(misses, 2) != 0)
    with np.errstate(invalid="ignore"):
        return misses[bends] / misses[-1], hits[bends] / hits[-1]


def area(false: np.ndarray, true: np.ndarray) -> float:
    """The area under such a curve."""
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2)
