"""Errors of predicted numbers: root mean square, mean absolute, and R²."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from distnn.data.preparation import Preparation
from distnn.inference.measures import Seen
from distnn.inference.squares import SUMS, by_size, nearest, root, total
from distnn.kernels.algebra import times

NOISE = Fraction(1, 10**14)  # of Σ y²: a variance that is less is made of roundings


class Residuals:
    """For each of m targets: Σ y, Σ y², Σ (prediction - y)² and Σ |prediction - y|, with the examples' weights.

    In the units of the table. In the first two y is taken from its mean in the training: the digits of a small spread
    around 1e7 would be lost in Σ y². Each is several sums, see squares.py.
    """

    def __init__(self, preparation: Preparation):
        assert preparation.target_scaling is not None
        self.preparation, self.names = preparation, preparation.targets
        scaling = preparation.target_scaling
        self.centre = preparation.untransformed((scaling.shift + scaling.mean)[:, None])[:, 0]
        self.sizes = [1] * (4 * SUMS * len(self.names))

    def write(self, seen: Seen, out: np.ndarray) -> None:
        """A block's sums, (4 · SUMS · m,). Local."""
        targets = self.true(seen)
        centred = by_size(targets, self.centre)
        residual = by_size(self.preparation.in_units(seen.outputs).T, targets)
        summed = (centred, centred**2, residual**2, np.abs(residual))
        out[:] = np.concatenate([times(of_size.T, seen.weights) for values in summed for of_size in values])

    def errors(self, seen: Seen) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each target |prediction - y|, y and the prediction, each float64 (r,). Local."""
        true, predicted = self.true(seen).T, self.preparation.in_units(seen.outputs)
        with np.errstate(over="ignore", invalid="ignore"):
            return [(np.abs(guess - y), y, guess) for y, guess in zip(true, predicted, strict=True)]

    def true(self, seen: Seen) -> np.ndarray:
        """The targets, r × m, in the units of the table. Local."""
        return self.preparation.untransformed(seen.rows.targets.T).T

    def result(self, sums: np.ndarray, n: float, exponent: int) -> dict[str, Any]:
        """By target; n: Σ weights. exponent: what weights were scaled by."""
        found = {}
        for name, parts in zip(self.names, sums.reshape(4, SUMS, -1).transpose(2, 0, 1), strict=True):
            (y, y2, residual2, absolute), R2 = parts, None
            mean, square, error = total(y, 1), total(y2, 2), total(residual2, 2)
            rmse = mae = math.inf
            if error is not None:
                rmse = root(error / Fraction(n))
                if mean is not None and square is not None:
                    variance = square - mean**2 / Fraction(n)  # times n
                    R2 = nearest(1 - error / variance) if variance > NOISE * square else None
            if (distance := total(absolute, 1)) is not None:
                mae = nearest(distance / Fraction(n))
            found[name] = {"rmse": rmse, "mae": mae, "R2": R2}
        return {"targets": found}
