"""What the options leave open is decided by the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distnn import UserError
from distnn.data.tables import ArraySource, ExclusiveOr, Source
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.runs.plan import plan

X = np.arange(12.0).reshape(6, 2)
WORDS = np.array(["a", "b", "c"] * 2)


def arrays(Y: Any, weights: Any = None) -> Source:
    return ArraySource(X, Y, weights, OneRank())


NUMBERS, FRUIT, XOR = arrays(X[:, 0]), arrays(WORDS), ExclusiveOr(100, 0)


@pytest.mark.parametrize(
    ("source", "options", "expected"),  # classes, output, error, are targets standardised, d^(L)
    [
        (NUMBERS, {}, (False, "identity", "squared", True, 1)),
        (NUMBERS, {"output_theta": "tanh"}, (False, "tanh", "squared", False, 1)),
        (NUMBERS, {"output_theta": "logistic"}, (False, "logistic", "squared", False, 1)),
        (NUMBERS, {"standardise_targets": False}, (False, "identity", "squared", False, 1)),
        (NUMBERS, {"error": "cross-entropy"}, (True, "softmax", "cross-entropy", False, None)),
        (NUMBERS, {"error": "cross-entropy", "classes": False}, (False, "logistic", "cross-entropy", False, 1)),
        (NUMBERS, {"classes": True}, (True, "softmax", "cross-entropy", False, None)),
        (arrays(X), {}, (False, "identity", "squared", True, 2)),
        (arrays(X), {"error": "cross-entropy"}, (False, "logistic", "cross-entropy", False, 2)),
        (FRUIT, {}, (True, "softmax", "cross-entropy", False, None)),
        (FRUIT, {"output_theta": "logistic"}, (True, "logistic", "cross-entropy", False, None)),
        (FRUIT, {"error": "squared"}, (True, "tanh", "squared", False, None)),
        (XOR, {}, (True, "tanh", "squared", False, 1)),
        (XOR, {"error": "cross-entropy"}, (True, "softmax", "cross-entropy", False, 2)),
    ],
)
def test_defaults(source: Source, options: dict[str, Any], expected: tuple[Any, ...]) -> None:
    planned = plan(Options(**options), source)
    recipe = planned.recipe
    found = (recipe.classes, recipe.output_theta, planned.error, recipe.standardise_targets, planned.d_out)
    assert found == expected


def test_columns() -> None:
    columns = plan(Options(), arrays(X, X[:, 0])).recipe.columns
    assert (columns.inputs, columns.targets, columns.weight) == ((0, 1), (2, 3), 4)
    columns = plan(Options(targets=("x1",), weights="y2"), arrays(X)).recipe.columns
    assert (columns.inputs, columns.targets, columns.weight) == ((1, 2), (0,), 3)


def test_what_is_wanted_of_the_preparation_is_handed_on() -> None:
    recipe = plan(Options(standardise=False, validation=0.25, seed=7), NUMBERS).recipe
    assert (recipe.standardise, recipe.validation, recipe.seed) == (False, 0.25, 7)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"targets": ("x1",), "weights": "x1"}, "column x1 cannot be target and weight at once"),
        ({"targets": ("x1", "x2", "y")}, "no column is left for the inputs"),
        ({"targets": ("x1", "y"), "classes": True}, "--classes needs one target column, and there are 2"),
        ({"classes": False}, "the target column y holds words, which can only be classes"),
    ],
)
def test_contradictions(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        plan(Options(**options), FRUIT)
