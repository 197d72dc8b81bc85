"""What the options leave open is decided by the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distnn import UserError
from distnn.data.tables import ArraySource, ExclusiveOr, Source
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.runs.plan import Plan, first_look, plan

X = np.arange(12.0).reshape(6, 2)
WORDS = np.array(["a", "b", "c"] * 2)


def planned(options: Options, source: Source) -> Plan:
    return plan(options, source, *first_look(options, source, OneRank()))


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
    found_plan = planned(Options(**options), source)
    recipe = found_plan.recipe
    classes = recipe.columns.classes
    found = (classes, recipe.output_theta, found_plan.error, recipe.standardise_targets, found_plan.d_out)
    assert found == expected


@pytest.mark.parametrize(
    ("options", "blocks"),
    [
        ({}, 8),
        ({"optimizer": "levenberg-marquardt"}, 8),
        ({"optimizer": "bayesian"}, 8),
        ({"damping": 0.1}, 8),
        ({"optimizer": "lbfgs"}, 6),
        ({"error": "cross-entropy"}, 6),
        ({"classes": True, "error": "squared", "optimizer": "levenberg-marquardt"}, 6),  # d^(L) is not known
    ],
)
def test_small_tables_have_more_blocks_where_a_row_is_more_work(options: dict[str, Any], blocks: int) -> None:
    """The same whether the optimizer is named or chosen: a run that is resumed names it."""
    rows = np.arange(10_000.0)
    Y = rows % 3 if "error" in options else rows
    source = ArraySource(np.stack([rows, -rows], axis=1), Y, None, OneRank())
    assert planned(Options(hidden=(16, 16), **options), source).cut.count == blocks


def test_a_gpu_has_blocks_of_its_own() -> None:
    source = ArraySource(np.zeros((100_000, 2)), np.arange(100_000.0), None, OneRank())
    cpu, xla, gpu = (planned(Options(hidden=(9,), device=of), source).cut.rows for of in ("cpu", "xla-cpu", "gpu"))
    assert gpu > 2 * cpu == 2 * xla


def test_much_work_is_cut_alike_for_all_optimizers() -> None:
    rows = np.arange(7_000.0)
    source = ArraySource(np.stack([rows, -rows], axis=1), rows, None, OneRank())
    cuts = {planned(Options(hidden=(220,), optimizer=name), source).cut for name in ("levenberg-marquardt", "lbfgs")}
    assert cuts == {planned(Options(hidden=(220,)), source).cut}


def test_columns() -> None:
    columns = planned(Options(), arrays(X, X[:, 0])).recipe.columns
    assert (columns.inputs, columns.targets, columns.weight) == ((0, 1), (2, 3), 4)
    columns = planned(Options(targets=("x1",), weights="y2"), arrays(X)).recipe.columns
    assert (columns.inputs, columns.targets, columns.weight) == ((1, 2), (0,), 3)


def test_the_last_column_that_holds_no_weights_is_the_target() -> None:
    columns = planned(Options(weights="y"), NUMBERS).recipe.columns
    names = NUMBERS.columns
    assert [names[j] for j in columns.targets] == ["x2"]
    assert (columns.weight, columns.inputs) == (len(names) - 1, tuple(range(len(names) - 2)))


def test_what_is_wanted_of_the_preparation_is_handed_on() -> None:
    recipe = planned(Options(standardise=False, validation=0.25, seed=7), NUMBERS).recipe
    assert (recipe.standardise, recipe.validation, recipe.seed) == (False, 0.25, 7)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"targets": ("x1",), "weights": "x1"}, "column x1 cannot be target and weight at once"),
        ({"targets": ("x1", "x2", "y")}, "no column is left for the inputs"),
        ({"targets": ("x1", "y")}, "column y holds words, and there are 2 target columns .* Leave out the others"),
        ({"targets": ("x1",), "inputs": ("x2", "x1")}, "--inputs x1: it is a column of targets or weights, and so no"),
        ({"weights": "x1", "inputs": ("x2", "0")}, "--inputs 0: it is a column of targets or weights, and so no input"),
        ({"ignore": ("y",)}, "--ignore leaves out the target y"),
        ({"types": ("x1=letters",)}, "'letters' is no kind of column; choose from numbers, words, booleans"),
        ({"types": ("words",)}, "--types words: give COLUMN=VALUE"),
        ({"transform": ("x1=sine",)}, "'sine' is no known function; choose from log, log1p"),
        ({"transform": ("y=log",)}, "--transform y: it is no column of numbers"),
        ({"classes": False}, "the target column y holds words, which can only be classes"),
    ],
)
def test_contradictions(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        planned(Options(**options), FRUIT)


def test_a_range_of_inputs_may_include_the_target() -> None:
    assert planned(Options(targets=("x2",), inputs=("x1:y",)), FRUIT).recipe.columns.inputs == (0, 2)


@pytest.mark.parametrize("name", ["inputs", "ignore", "types", "missing", "transform"])
def test_the_built_in_table_is_none_of_a_users(name: str) -> None:
    """Of which these options might have swallowed the name: --missing -9 table.csv."""
    with pytest.raises(UserError, match=f"--{name} is for a table of your own: give it first, as in train table.csv"):
        planned(Options(**{name: ("a", "table.csv")}), XOR)
