"""Errors of predicted classes: the confusion matrix, what follows from it, and the log loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.classes import Classes
from distnn.inference.measures import Seen
from distnn.kernels.algebra import dot, times, total
from distnn.kernels.elementary import applied

SCORES = ("precision", "recall", "f1")


class Confusion:
    """How often each of K classes is taken for which: Σ weights, K × K, true class by predicted class; and Σ -log p.

    p, the probability that the true class is given, is known where the outputs are the probabilities of all classes.
    """

    def __init__(self, classes: Classes, weighted: bool):
        self.classes, self.weighted, self.K = classes, weighted, len(classes.names)
        self.probable = classes.output_theta == "softmax" or (classes.output_theta == "logistic" and classes.width == 1)
        self.sizes = [self.K**2, 1]

    def write(self, seen: Seen, out: np.ndarray) -> None:
        """A block's sums, (K² + 1,). Local."""
        true, predicted = self.classes.decode(seen.y), self.classes.decode(seen.outputs)
        out[:-1] = np.bincount(true * self.K + predicted, seen.weights, minlength=self.K**2)
        out[-1] = 0.0
        if self.probable and len(true):
            out[-1] = log_loss(self.classes, seen.outputs, true, seen.weights)

    def errors(self, seen: Seen) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """How far the output of the true class is from what it should be, the class and the predicted one. Local."""
        true, predicted = self.classes.decode(seen.y), self.classes.decode(seen.outputs)
        return [(self.classes.levels[1] - output_of(self.classes, seen.outputs, true), true, predicted)]

    def result(self, sums: np.ndarray, n: float, exponent: int) -> dict[str, Any]:
        """What is known of all classes, and of each; n: Σ weights. exponent: what weights were scaled by."""
        counts = sums[:-1].reshape(self.K, self.K)
        confusion = np.ldexp(counts, -exponent)
        true = confusion.sum(axis=1)
        if not self.weighted:
            confusion, true = confusion.astype(int), true.astype(int)
        by_class, means = scores(counts)
        return {
            "right": float(np.trace(counts)) / n,
            "log_loss": float(sums[-1]) / n if self.probable else None,
            "classes": list(self.classes.names),
            "confusion": confusion.tolist(),
            "by_class": {
                name: {**dict(zip(SCORES, row, strict=True)), "n": count}
                for name, row, count in zip(self.classes.names, by_class.tolist(), true.tolist(), strict=True)
            },
            **means,
        }


def output_of(classes: Classes, outputs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The outputs, float64 (r,), that belong to classes given by number (r,), of outputs d^(L) × r. Local."""
    if classes.width > 1:
        return outputs[codes, np.arange(len(codes))].astype(np.float64)
    second = outputs[0].astype(np.float64)
    return np.where(codes == 1, second, sum(classes.levels) - second)


def log_loss(classes: Classes, outputs: np.ndarray, codes: np.ndarray, weights: np.ndarray) -> float:
    """Σ weights · -log p of the classes given by number (r,); outputs, d^(L) × r, are probabilities. Local."""
    eps = np.finfo(outputs.dtype).eps  # as scikit-learn clips
    return -dot(weights, applied("log", np.clip(output_of(classes, outputs, codes), eps, 1 - eps)))


def scores(confusion: np.ndarray) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Precision, recall and F1 of each class, K × 3, and their "macro" and "weighted" means. Local.

    As scikit-learn's precision_recall_fscore_support: 0 where nothing was predicted, or nothing is there; the macro
    mean is that of the classes that are there or were predicted, the weighted one that by how often they are there.
    """
    right, true, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    with np.errstate(invalid="ignore"):
        found = np.nan_to_num(np.stack([right / predicted, right / true, 2 * right / (true + predicted)], axis=1))
    macro, weighted = found[true + predicted > 0].mean(axis=0), times(found.T, true) / total(true)
    means = {"macro": macro, "weighted": weighted}
    return found, {name: dict(zip(SCORES, mean.tolist(), strict=True)) for name, mean in means.items()}
