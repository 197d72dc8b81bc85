"""Are the probabilities of classes what they say, and do they become so by averaging over the weights?

Three classes whose probabilities are known at each point: softmax of three functions. Networks of 6 hidden units learn
them from 150 rows. Measured are, at 2,000 new points, the plain probabilities and the averaged ones, by the expected
calibration error (M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
binning", AAAI 2015), of every class and with the known probabilities in place of observed classes, and by their root
mean square distance to the known ones.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from distnn.api import fit
from distnn.parallel.ranks import OneRank

ROWS, NEW, UNITS, BINS = 150, 2000, 6, 10
NAMES = np.array(["a", "b", "c"])
TRAININGS: dict[str, dict[str, Any]] = {
    "no decay, to the end": {"max_iterations": 300},
    "no decay, 20 iterations": {"max_iterations": 20},
    "--validation 0.2": {"max_iterations": 300, "validation": 0.2},
    "--weight-decay 0.001": {"max_iterations": 300, "weight_decay": 0.001},
    "--weight-decay 0.01": {"max_iterations": 300, "weight_decay": 0.01},
}


class Said(NamedTuple):
    """Probabilities at new points of all tables, points × 3: plain, averaged, and those that are true."""

    plain: np.ndarray
    averaged: np.ndarray
    true: np.ndarray


def probabilities(X: np.ndarray) -> np.ndarray:
    """The known ones at the points X, n × 2: n × 3."""
    a, b = X.T
    e = np.exp(np.column_stack([2 * np.sin(2 * a), 2 * a * b, 1 - 2 * b**2]))
    return e / e.sum(axis=1, keepdims=True)


def said(training: str, seeds: int) -> Said:
    """What models of so many tables say, each of new points."""
    found = []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        X, new = generator.uniform(-1.5, 1.5, (ROWS, 2)), generator.uniform(-1.5, 1.5, (NEW, 2))
        classes = (generator.random((ROWS, 1)) > probabilities(X).cumsum(axis=1)[:, :2]).sum(axis=1)
        options = {"optimizer": "lbfgs", "seed": seed, "intervals": "all", **TRAININGS[training]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = fit(X, NAMES[classes], hidden=(UNITS,), comm=OneRank(), **options).model
        found.append((model(new), model.probabilities(new), probabilities(new)))
    return Said(*map(np.concatenate, zip(*found, strict=True)))


def reliability(probabilities: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By bin of the probabilities of all classes, of those that are not empty: mean, mean of the true ones, share."""
    bins = np.minimum((probabilities.ravel() * BINS).astype(int), BINS - 1)
    count, means, so = (np.bincount(bins, weights, BINS) for weights in (None, probabilities.ravel(), true.ravel()))
    there = count > 0
    return means[there] / count[there], so[there] / count[there], count[there] / count.sum()


def calibration_error(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The mean distance between what is said and what is so, over the bins."""
    means, so, share = reliability(probabilities, true)
    return float(share @ np.abs(means - so))


def distance(probabilities: np.ndarray, true: np.ndarray) -> float:
    """The root mean square distance to the true ones."""
    return float(np.sqrt(np.mean((probabilities - true) ** 2)))


def measured(seeds: int) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """A line for each training, of errors; and for the first and the last one a line for each tenth that is said."""
    errors: list[tuple[str, ...]] = []
    lines: list[tuple[str, ...]] = []
    for training in TRAININGS:
        found = said(training, seeds)
        pairs = [(of(found.plain, found.true), of(found.averaged, found.true)) for of in (calibration_error, distance)]
        errors.append((training, *(f"{value:.3f}" for pair in pairs for value in pair)))
        if training in (next(iter(TRAININGS)), list(TRAININGS)[-1]):
            for name in ("plain", "averaged"):
                means, so, share = reliability(getattr(found, name), found.true)
                for mean, is_so, part in zip(means.tolist(), so.tolist(), share.tolist(), strict=True):
                    lines.append((training, name, f"{mean:.2f}", f"{is_so:.2f}", f"{100 * part:.0f} %"))
    return errors, lines
