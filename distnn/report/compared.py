"""Several models on the same rows of a table: how large the errors of each are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from distnn.data.preparation import Preparation
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank
from distnn.report.predictions import Predictions, predict

LACKS = "what the output of the true class lacks, mean"


@dataclass
class Compared:
    """Local. The errors of several models, by their names, on the same r rows of the table `path`.

    rows: which these are, for captions. targets: their names; none for classes. errors: of each model, absolute, r × m
    in the units of the table; of classes what the output of the true class lacks, r × 1. measures: what is measured of
    them, in the words of `evaluate`, and its value for each model.
    """

    path: str
    names: tuple[str, ...]
    rows: str
    targets: tuple[str, ...]
    errors: list[np.ndarray]
    measures: list[tuple[str, tuple[float, ...]]]


def compare(
    models: Mapping[str, Path], options: ApplyOptions, most: int, only_same: bool, lacking: list[str]
) -> Compared | None:
    """Apply the models, files by their names, to the table of the options. Local. None if fewer than two can be.

    The rows are those that no model was trained on, if each kept some of the same apart, else all. most, only_same: as
    `predict` has them. lacking: gets sentences on what cannot be compared, or not fairly.
    """
    found, said = _applied(models, options, most, only_same, every=False)
    if len(found) > 1 and not len(_common(found)):
        found, said = _applied(models, options, most, only_same, every=True)
    lacking += said
    kinds = {(own.preparation.targets, own.preparation.classes is None) for own in found}
    if len(kinds) > 1:
        lacking.append("The models predict different columns: their errors are not compared.")
    if len(found) < 2 or len(kinds) > 1:
        return None
    if trained := [own.name for own in found if own.predictions.trained_on]:
        lacking.append(f"Errors are compared on rows that training saw: that of {', '.join(trained)}.")
    return _compared(found)


@dataclass
class _Applied:
    """A model that has been applied to the table."""

    name: str
    preparation: Preparation
    predictions: Predictions


def _applied(
    models: Mapping[str, Path], options: ApplyOptions, most: int, only_same: bool, every: bool
) -> tuple[list[_Applied], list[str]]:
    """What each model says of the table, and why one says nothing."""
    found, said = [], []
    for name, path in models.items():
        try:
            application = Application(replace(options, model=str(path)), OneRank(), with_targets=True)
            predictions = predict(application, options.data is not None, most, only_same, every)
        except UserError as error:
            said.append(f"{name} is left out where errors are compared: {error}")
            continue
        if predictions is None:
            said.append(f"{name} is left out where errors are compared: it was trained on another table.")
        else:
            found.append(_Applied(name, application.model.preparation, predictions))
    return found, said


def _common(found: Sequence[_Applied]) -> np.ndarray:
    """The numbers of the rows that all are applied to."""
    return reduce(np.intersect1d, (own.predictions.numbers for own in found))


def _compared(found: Sequence[_Applied]) -> Compared:
    numbers, first = _common(found), found[0].predictions
    targets = found[0].preparation.targets if found[0].preparation.classes is None else ()
    errors, measured = [], []
    for own in (applied.predictions for applied in found):
        place = np.isin(own.numbers, numbers)
        weights = np.ones(len(numbers)) if own.weights is None else own.weights[place]
        true, predicted = own.true[place], own.predicted[place]
        if own.scores is None:
            errors.append(np.abs(predicted - true))
            measured.append(_of_numbers(targets, true, predicted, weights))
        else:
            missed = 1 - own.scores[place][np.arange(len(true)), true]
            errors.append(missed[:, None])
            right = np.average(true == predicted, weights=weights)
            measured.append({"share right": right, LACKS: np.average(missed, weights=weights)})
    measures = [(name, tuple(float(own[name]) for own in measured)) for name in measured[0]]
    names = tuple(applied.name for applied in found)
    return Compared(first.path, names, f"{len(numbers):,} {first.kind}", targets, errors, measures)


def _of_numbers(
    targets: tuple[str, ...], true: np.ndarray, predicted: np.ndarray, weights: np.ndarray
) -> dict[str, float]:
    measured = {}
    for name, y, f in zip(targets, true.T, predicted.T, strict=True):
        square = np.average((f - y) ** 2, weights=weights)
        variance = np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)
        measured[f"{name} root mean square error"] = np.sqrt(square)
        measured[f"{name} mean absolute error"] = np.average(np.abs(f - y), weights=weights)
        measured[f"{name} R²"] = 1 - square / variance if variance > 0 else np.nan
    return measured
