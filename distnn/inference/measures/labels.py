"""Errors of labels, of which a row may have several or none: a two by two table of each, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distnn.inference.measures import Seen
from distnn.inference.measures.classes import SCORES
from distnn.kernels.algebra import times, total

THRESHOLD = 0.5  # a label is given where its probability is higher


class Labels:
    """For each of m labels Σ weights by the true and the given one, of the rows with all labels right, and of others.

    These are rows with a target that is neither 0 nor 1, but a probability: then nothing is said.
    """

    def __init__(self, names: Sequence[str], weighted: bool):
        self.names, self.weighted = names, weighted
        self.sizes = [4 * len(names), 1, 1]

    def write(self, seen: Seen, out: np.ndarray) -> None:
        """A block's sums, (4 m + 2,). Local."""
        true, given = sides(seen)[0], seen.outputs > THRESHOLD
        counts = [np.bincount(2 * y + guess, seen.weights, minlength=4) for y, guess in zip(true, given, strict=True)]
        out[:-2] = np.concatenate(counts)
        out[-2] = seen.weights[(true == given).all(axis=0)].sum()
        out[-1] = np.count_nonzero(~np.isin(seen.rows.targets, (0, 1)).all(axis=1))

    def result(self, sums: np.ndarray, n: float, exponent: int) -> dict[str, Any]:
        """What is known of all labels, and of each; n: Σ weights. exponent: what weights were scaled by."""
        if sums[-1]:
            return {}
        counts = sums[:-2].reshape(-1, 2, 2)
        true = np.ldexp(counts[:, 1].sum(axis=1), -exponent)
        by_label, means = scores(counts)
        found = {
            name: {**dict(zip(SCORES, row, strict=True)), "n": count if self.weighted else int(count)}
            for name, row, count in zip(self.names, by_label.tolist(), true.tolist(), strict=True)
        }
        return {"right": float(sums[-2]) / n, "by_label": found, **means}


def sides(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """For each label which rows have it, and the outputs, both m × r. Local."""
    return seen.rows.targets.T == 1, seen.outputs


def scores(counts: np.ndarray) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Precision, recall and F1 of each label, m × 3, and their "micro", "macro" and "weighted" means. Local.

    counts: m × 2 × 2, by the true and the given label. As scikit-learn's precision_recall_fscore_support of an
    indicator matrix with zero_division=0: the micro mean is that of all labels counted together.
    """
    every = np.concatenate([counts, counts.sum(axis=0)[None]])
    right, true, given = every[:, 1, 1], every[:, 1].sum(axis=1), every[:, :, 1].sum(axis=1)
    with np.errstate(invalid="ignore"):
        found = np.nan_to_num(np.stack([right / given, right / true, 2 * right / (true + given)], axis=1))
    labels, true = found[:-1], true[:-1]
    weighted = times(labels.T, true) / total(true) if true.any() else np.zeros(3)
    means = {"micro": found[-1], "macro": labels.mean(axis=0), "weighted": weighted}
    return labels, {name: dict(zip(SCORES, mean.tolist(), strict=True)) for name, mean in means.items()}
