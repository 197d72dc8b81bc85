"""One way of preparing rows: training, in two steps, and applying, at once, make the same blocks to the bit."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words

from distnn import UserError
from distnn.data.preparation import Preparation, Shift
from distnn.data.rows import Rows
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


@pytest.mark.parametrize("task", ["numbers", "classes"])
def test_what_is_stored_is_restored(task: str) -> None:
    preparation = assembled(OneRank(), *table(task)).model.preparation
    found = Preparation.restore(preparation.tensors(), preparation.metadata())
    np.testing.assert_equal(astuple(found), astuple(preparation))
