"""One way of preparing rows: training, in two steps, and applying, at once, make the same blocks to the bit."""

from __future__ import annotations

import json
import warnings
from dataclasses import astuple, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words

from distnn import UserError
from distnn.data.classes import Classes
from distnn.data.columns import Columns
from distnn.data.encoding import Encoding
from distnn.data.preparation import Preparation, Shift
from distnn.data.rows import Rows
from distnn.data.scaling import Scaling
from distnn.data.tables.source import Missing
from distnn.kernels.blocks import Block
from distnn.parallel.ranks import OneRank

N = 40
TASKS: dict[str, dict[str, Any]] = {
    "numbers": {},
    "float32": {"dtype": "float32"},
    "inputs as they are": {"standardise": False},
    "targets as they are": {"standardise_targets": False, "dtype": "float32"},
    "classes": {"classes": True},
    "two classes": {"classes": True, "output_theta": "tanh", "error": "squared", "dtype": "float32"},
}


def table(task: str) -> tuple[np.ndarray, np.ndarray]:
    """X with a column of great offset and a constant one, and targets."""
    if "classes" in task:
        X, Y = words(N, K=2 if "two" in task else 3)
    else:
        X, Y = regression(N, m=2)
        Y[:, 1] += 1e7
    return np.column_stack([X, 1.7e9 + X[:, 0], np.full(N, 7.1)]), Y


def rows_of(X: np.ndarray, Y: np.ndarray, weights: np.ndarray) -> Rows:
    """The rows as they are read."""
    return Rows(0, X, X[:, :0], Y, weights) if Y.dtype.kind == "U" else Rows(0, X, Y, None, weights)


def same_bits(one: Block, other: Block) -> None:
    for a, b in zip(one, other, strict=True):
        assert a is not None and b is not None
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("task", TASKS)
def test_applying_prepares_as_training_did(task: str) -> None:
    X, Y = table(task)
    weights = np.random.default_rng(0).random(N)
    assembly = assembled(OneRank(), X, Y, weights, **TASKS[task])
    model, (block,) = assembly.model, assembly.examples.blocks
    same_bits(block, model.preparation.block(rows_of(X, Y, weights), model.dtype))
    assert block.x.dtype == block.y.dtype == model.dtype
    inputs_alone = model.preparation.block(Rows.of_inputs(X), model.dtype)
    assert inputs_alone.x.tobytes() == block.x.tobytes() and inputs_alone.y.size == 0
    np.testing.assert_array_equal(model.outputs(X), model.backpropagation().outputs(block.x))


def test_float32_keeps_what_is_small_beside_a_great_offset() -> None:
    X, Y = table("numbers")
    assembly = assembled(OneRank(), X, Y, dtype="float32")
    (block,) = assembly.examples.blocks
    np.testing.assert_allclose(block.x[4], (X[:, 0] - X[:, 0].mean()) / X[:, 0].std(), atol=1e-5)
    np.testing.assert_array_equal(block.x[5], 0)  # a constant column


def test_the_second_step_works_in_place() -> None:
    X, Y = table("numbers")
    preparation = assembled(OneRank(), X, Y).model.preparation
    shifted = preparation.shift(rows_of(X, Y, np.ones(N)), "float64")
    block = preparation.finish(shifted)
    assert block.x is shifted.x and block.y is shifted.y


def test_the_first_step_takes_row_0_off() -> None:
    rows = rows_of(np.array([[5.0, 1e9], [6.0, 1e9 + 1]]), np.array([[1.0], [3.0]]), np.ones(2))
    shifted = Shift(rows.inputs[0], rows.targets[0])(rows, "float32")
    assert shifted.x.tolist() == [[1, 1], [0, 1], [0, 1]] and shifted.y.tolist() == [[0, 2]]
    assert shifted.x.dtype == shifted.y.dtype == np.float32


def test_a_class_that_training_did_not_see() -> None:
    X, Y = table("classes")
    preparation = assembled(OneRank(), X, Y).model.preparation
    rows = rows_of(X[:2], np.array(["pear", "melon"]), np.ones(2))
    with pytest.raises(
        UserError, match=r"^a\.csv: the class 'melon' in column y is not one that the model knows: apple"
    ):
        preparation.block(rows, "float64", "a.csv")


@pytest.mark.parametrize(("K", "more"), [(20, ""), (21, ", …")])
def test_of_many_classes_twenty_are_named(K: int, more: str) -> None:
    names = tuple(f"c{k}" for k in range(K))
    preparation = replace(plain(), target_scaling=None, classes=Classes(names, "softmax"))
    rows = Rows(np.arange(1), np.zeros((1, 2)), np.zeros((1, 0)), np.array(["c21"]))
    with pytest.raises(UserError) as raised:
        preparation.block(rows, "float64", "a.csv")
    assert str(raised.value) == (
        f"a.csv: the class 'c21' in column y is not one that the model knows: {', '.join(names[:20])}{more}."
    )


def test_values_beyond_the_dtype() -> None:
    rows = Rows(np.arange(2), np.array([[0.0], [1e60]]), np.array([[0.0], [1.0]]))
    for inputs, targets in ((rows.inputs, rows.targets), (rows.targets, rows.inputs)):
        with pytest.raises(UserError) as raised:
            Shift(np.zeros(1), np.zeros(1))(Rows(rows.numbers, inputs, targets), "float32", "a.csv")
        assert str(raised.value) == (
            "a.csv: a value is beyond the range of float32; use --dtype float64 in the training."
        )


def test_values_beyond_the_dtype_of_a_model() -> None:
    with pytest.raises(UserError, match=r"^a\.csv: a value is beyond the range of float32;"):
        plain().block(Rows.of_inputs(np.array([[1e60, 0]])), "float32", "a.csv")


def test_weights_are_the_parts_own() -> None:
    weights = np.array([1.0, 2.0])
    shifted = Shift(np.zeros(1), np.zeros(1))(rows_of(np.ones((2, 1)), np.ones((2, 1)), weights), "float32")
    assert shifted.weights is not None and not np.shares_memory(shifted.weights, weights)


def plain(inputs: tuple[str, ...] = ("a", "b"), targets: tuple[str, ...] = ("y",), **rest: Any) -> Preparation:
    """What is known of columns of numbers."""
    scalings = Scaling.identity(len(inputs)), Scaling.identity(len(targets))
    return Preparation(inputs, targets, "w", *scalings, None, **rest)


def a_table(*columns: str) -> Any:
    return SimpleNamespace(path="a.csv", columns=columns)


def test_columns_are_found_by_name_wherever_they_stand() -> None:
    preparation = plain()
    assert preparation.columns(a_table("y", "b", "w", "a"), True) == Columns((3, 1), (0,), 2)
    assert preparation.columns(a_table("y", "b", "a"), True) == Columns((2, 1), (0,), None)
    assert preparation.columns(a_table("y", "b", "w", "a"), False) == Columns((3, 1), ())
    assert preparation.columns(a_table("b", "a"), False) == Columns((1, 0), ())


def test_columns_are_found_by_place_where_names_are_numbers() -> None:
    assert plain().columns(a_table("0", "1"), False) == Columns((0, 1), ())
    assert plain(("0", "7")).columns(a_table("a", "b"), False) == Columns((0, 1), ())
    for preparation, table, with_targets in (
        (plain(), a_table("0", "1", "2"), True),
        (plain(), a_table("0", "1", "2"), False),
        (plain(), a_table("0", "c"), False),
        (plain(("0", "c")), a_table("a", "b"), False),
    ):
        with pytest.raises(UserError, match=r"^a\.csv lacks the column"):
            preparation.columns(table, with_targets)


def test_how_columns_are_read_goes_with_the_model() -> None:
    encodings = (Encoding("words", ("oak", "pine")), Encoding(fill=1.0, indicator=True))
    missing = Missing(frozenset({"-"}), (-9.0,))
    preparation = plain(encodings=encodings, transforms=("log",), missing=missing, leave_out=("targets",))
    expected = Columns((0, 1), (2,), None, encodings, False, ("log",), missing, ("targets",), "error")
    assert preparation.columns(a_table("a", "b", "y"), True) == expected
    found = preparation.columns(a_table("a", "b", "y"), False, "zeros")
    assert found == replace(expected, targets=(), transforms=(), leave_out=(), unknown="zeros")
    assert (preparation.d_in, preparation.d_out) == (4, 1)
    assert preparation.input_names == ("a=oak", "a=pine", "b", "b missing")
    names = (preparation.inputs, preparation.targets, preparation.weight)
    again = Preparation.of(names, expected, preparation.input_scaling, preparation.target_scaling, None)
    np.testing.assert_equal(astuple(again), astuple(preparation))
    classes = replace(plain(), target_scaling=None, classes=Classes(("a", "b", "c"), "softmax"))
    assert classes.columns(a_table("a", "b", "y"), True).classes
    assert not classes.columns(a_table("a", "b", "y"), False).classes


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (("a", "y"), "lacks the column b that the model was trained with. Its columns are: a, y."),
        (("a", "c"), "lacks the column b that the model was trained with (and 1 more). Its columns are: a, c."),
        (("c", "d"), "lacks the column a that the model was trained with (and 2 more). Its columns are: c, d."),
        (
            tuple(f"c{j}" for j in range(20)),
            "lacks the column a that the model was trained with (and 2 more). Its columns are: "
            + ", ".join(f"c{j}" for j in range(20))
            + ".",
        ),
        (
            tuple(f"c{j}" for j in range(21)),
            "lacks the column a that the model was trained with (and 2 more). Its columns are: "
            + ", ".join(f"c{j}" for j in range(20))
            + ", ….",
        ),
    ],
    ids=["one", "two", "three", "twenty", "many"],
)
def test_columns_that_are_lacking(columns: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        plain().columns(a_table(*columns), True)
    assert str(raised.value) == f"a.csv {sentence}"


def test_outputs_in_the_units_of_the_table() -> None:
    scaling = Scaling(np.array([0.0, 1.0]), np.array([2.0, 0.0]), np.array([3.0, 2.0]))
    preparation = replace(plain(targets=("y", "z"), transforms=("log", None)), target_scaling=scaling)
    outputs = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
    found = preparation.in_units(outputs)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [np.exp([2.0, 5.0]), [1, 3]])
    with warnings.catch_warnings(action="error"):
        assert preparation.untransformed(np.array([[1e4], [7.0]])).tolist() == [[np.inf], [7]]
    classes = replace(preparation, target_scaling=None)
    assert classes.in_units(outputs).dtype == np.float64
    np.testing.assert_array_equal(classes.in_units(outputs), outputs)


def test_models_of_older_versions_know_numbers_and_words_alone() -> None:
    preparation = assembled(OneRank(), *table("classes")).model.preparation
    metadata = preparation.metadata()
    assert set(metadata) == {
        "inputs", "targets", "weight", "classes", "encodings", "transforms", "missing", "leave_out"
    }  # fmt: skip
    for name in ("encodings", "transforms", "missing", "leave_out"):
        del metadata[name]
    del metadata["classes"]["kind"]
    found = Preparation.restore(preparation.tensors(), metadata)
    assert (found.encodings, found.transforms, found.missing, found.leave_out) == ((), (), Missing(), ())
    assert found.classes is not None and preparation.classes is not None
    assert found.classes == replace(preparation.classes, kind="words")


def test_how_columns_are_read_is_restored_from_json() -> None:
    preparation = plain(
        encodings=(Encoding("words", ("oak", "pine")), Encoding(fill=1.0, indicator=True, transform="log")),
        transforms=("log1p",),
        missing=Missing(frozenset({"-", "none"}), (-9.0, 1e20)),
        leave_out=("targets", "inputs"),
    )
    metadata = json.loads(json.dumps(preparation.metadata()))
    np.testing.assert_equal(astuple(Preparation.restore(preparation.tensors(), metadata)), astuple(preparation))


@pytest.mark.parametrize("task", ["numbers", "classes"])
def test_what_is_stored_is_restored(task: str) -> None:
    preparation = assembled(OneRank(), *table(task)).model.preparation
    if preparation.classes is not None:
        preparation = replace(preparation, classes=replace(preparation.classes, kind="integers"))
    found = Preparation.restore(preparation.tensors(), preparation.metadata())
    np.testing.assert_equal(astuple(found), astuple(preparation))
