"""How well a model does on a table with targets: the error that it was trained for, and what users know errors by."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from distnn.data.classes import Classes
from distnn.data.loading import fingerprint, hash_rows
from distnn.data.preparation import Preparation
from distnn.data.rows import Rows
from distnn.data.sampling import for_test, held_out, trained
from distnn.data.weights import scaled
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.squares import SUMS, by_size, root, total
from distnn.parallel.reduction import ExactSum

NOISE = Fraction(1, 10**14)  # of Σ y²: a variance that is less is made of roundings


def evaluate(application: Application, which: str) -> dict[str, Any]:
    """E and what else is known of the model on the table, for JSON. Collective, replicated; exact like E_in.

    which: "all" rows, those "trained" on, "held-out", or kept for the "test". n is Σ weights, E = (1/n) Σ e. For
    classes: right, the share that is, and confusion, K × K, true class by predicted class; for numbers, by target:
    rmse, and R2 or None if the target is constant. Where the table has weights, an example counts as its weight, in the
    confusion matrix too.
    UserError, on all ranks, if there are no such rows, or for what reading them refuses.
    """
    preparation, weighted = application.model.preparation, application.columns.weight is not None
    measure = _Confusion(preparation.classes, weighted) if preparation.classes else _Residuals(preparation)
    sums = ExactSum(application.ranks, [1, 1, *measure.sizes], len(application.blocks), application.cut.count)
    exponent = application.weight_exponent() if weighted else 0
    hashes = np.zeros(len(application.blocks), np.int64)

    def term(j: int, out: np.ndarray) -> None:
        every = application.rows(j)
        hashes[j] = hash_rows(every) if len(every) else 0
        rows = _chosen(application, which, every)
        rows = replace(rows, weights=scaled(rows.weights, exponent))
        block = application.block(rows)
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        out[0] = weights.sum()
        out[1] = application.backpropagation.error(block)
        measure.write(rows.targets, block.y, application.backpropagation.outputs(block.x), weights, out[2:])

    found = sums(term)
    if which != "all":
        _require_same_table(application, which, hashes)
    n = float(found[0])
    if n == 0:
        raise UserError(f"{application.source.path}: there are no rows to evaluate on (--rows {which}).")
    return {"n": float(np.ldexp(n, -exponent)), "E": float(found[1]) / n, **measure.result(found[2:], n, exponent)}


def _require_same_table(application: Application, which: str, hashes: np.ndarray) -> None:
    """UserError unless these rows are the table that was trained on: its rows were held out, of no other. Collective.

    hashes: of this rank's blocks, int64. Of older models it is not known, and where another version of distnn cuts
    other blocks, the number of rows alone is.
    """
    known, source = application.model.held_out, application.source
    if "of" not in known:
        return
    digest = sum(application.ranks.gather(int(hashes.sum())))
    same = str(known["of"]).split("-")[0] == str(source.n)
    if known.get("rows") == application.cut.rows:
        same = known["of"] == fingerprint(source, application.columns, digest)
    if not same:
        raise UserError(
            f"--rows {which} is for the table that the model was trained on, and {source.path} is another one, or has "
            "changed: use --rows all."
        )


def _chosen(application: Application, which: str, rows: Rows) -> Rows:
    """Those of the rows that are asked for."""
    if which == "all":
        return rows
    known, numbers = application.model.held_out, rows.numbers
    seed, share, test = known["seed"], known["share"], known.get("test", 0.0)  # which older models lack
    if which == "held-out":
        return rows.select(held_out(seed, share, numbers))
    return rows.select(for_test(seed, test, numbers) if which == "test" else trained(seed, share, test, numbers))


class _Confusion:
    """How often each of K classes is taken for which: Σ weights, K × K, true class by predicted class."""

    def __init__(self, classes: Classes, weighted: bool):
        self.classes, self.weighted, self.K = classes, weighted, len(classes.names)
        self.sizes = [self.K**2]

    def write(
        self, targets: np.ndarray, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """A block's sums, (K²,). Local. y, outputs: d^(L) × rows; weights: (rows,)."""
        true, predicted = self.classes.decode(y), self.classes.decode(outputs)
        out[:] = np.bincount(true * self.K + predicted, weights, minlength=self.K**2)

    def result(self, total: np.ndarray, n: float, exponent: int) -> dict[str, Any]:
        confusion = np.ldexp(total, -exponent).reshape(self.K, self.K)
        right = float(np.trace(total.reshape(self.K, self.K))) / n
        if not self.weighted:
            confusion = confusion.astype(int)
        return {"right": right, "classes": list(self.classes.names), "confusion": confusion.tolist()}


class _Residuals:
    """For each of m targets: Σ y, Σ y², Σ (prediction - y)², with the examples' weights, in the units of the table.

    In the first two y is taken from its mean in the training: the digits of a small spread around 1e7 would be lost in
    Σ y². Each is several sums, see squares.py.
    """

    def __init__(self, preparation: Preparation):
        assert preparation.target_scaling is not None
        self.preparation, self.names = preparation, preparation.targets
        scaling = preparation.target_scaling
        self.centre = preparation.untransformed((scaling.shift + scaling.mean)[:, None])[:, 0]
        self.sizes = [1] * (3 * SUMS * len(self.names))

    def write(
        self, targets: np.ndarray, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray, out: np.ndarray
    ) -> None:
        """A block's sums, (3 · SUMS · m,). Local. targets: rows × m, as read; outputs: m × rows; weights: (rows,)."""
        targets = self.preparation.untransformed(targets.T).T
        centred = by_size(targets, self.centre)
        residual = by_size(self.preparation.in_units(outputs).T, targets)
        out[:] = np.concatenate([(weights @ values).ravel() for values in (centred, centred**2, residual**2)])

    def result(self, sums: np.ndarray, n: float, exponent: int) -> dict[str, Any]:
        found = {}
        for name, (y, y2, residual2) in zip(self.names, sums.reshape(3, SUMS, -1).transpose(2, 0, 1), strict=True):
            mean, square, error = total(y, 1), total(y2, 2), total(residual2, 2)
            rmse, R2 = math.inf, None
            if error is not None:
                rmse = root(error / Fraction(n))
                if mean is not None and square is not None:
                    variance = square - mean**2 / Fraction(n)  # times n
                    R2 = float(1 - error / variance) if variance > NOISE * square else None
            found[name] = {"rmse": rmse, "R2": R2}
        return {"targets": found}
