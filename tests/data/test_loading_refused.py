"""Tables that there is nothing to learn from, and those that leave just enough."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loaded_tables import loaded
from tables import assembled, regression
from threaded_ranks import on_ranks, outcomes

from distnn import UserError
from distnn.data.columns import Columns
from distnn.data.loading import Recipe
from distnn.data.sampling import for_test, held_out
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank

X, Y = regression(20)
BAD: dict[str, tuple[Any, Any, Any, dict[str, Any], str]] = {
    "constant target": (
        X,
        np.full(20, 0.1),
        None,
        {},
        r"^the arrays: the target column y is constant: there is nothing to learn\.$",
    ),
    "second target constant": (X, np.column_stack([Y, Y * 0 + 3]), None, {}, "target column y2 is constant"),
    "one class of two columns": (
        X,
        [[1, 0]] * 20,
        None,
        {"classes": True},
        "target column y1, y2 holds one class only",
    ),
    "a class each": (
        X,
        [f"w{k}" for k in range(20)],
        None,
        {"validation": 0.3},
        "the arrays: each of the 20 rows has its own class in y:",
    ),
    "one class": (
        X,
        ["red"] * 20,
        None,
        {},
        r"^the arrays: the target column y holds one class only, 'red': there is nothing to learn\.$",
    ),
    "negative weight": (X, Y, np.arange(20.0) - 19 * (np.arange(20) == 19) - 1, {}, "row 0.* is negative"),
    "no weight": (X, Y, np.zeros(20), {}, "the weights in column weights are all 0"),
    "beyond float32": (
        X * [1, 1, 1e60],
        Y,
        None,
        {"dtype": "float32"},
        "^the arrays: a value is beyond the range of float32",
    ),
    "below float32": (
        X * [1, 1, 1e-40],
        Y,
        None,
        {"dtype": "float32"},
        "^the arrays, column x3: its values lie within .*e-4., too close for float32: multiply them by a constant, or "
        "use --dtype float64",
    ),
    "a target below float32": (
        X,
        Y * 1e-50,
        None,
        {"dtype": "float32"},
        "^the arrays, column y: its values lie within .*e-.*, too close for float32",
    ),
    "all held out": (X[:2], Y[:2], None, {"validation": 0.99, "seed": 1}, "no row is left to train on"),
    "none held out": (X[:3], Y[:3], None, {"validation": 0.01}, "no row of 3 is held out: raise --validation 0.01"),
    "no targets": (X, None, None, {}, "nothing to learn without targets"),
    "words as numbers": (X, ["a", "b"] * 10, None, {"classes": False}, "holds words, which can only be classes"),
    "classes of two": (X, np.column_stack([Y, Y]), None, {"classes": True}, "one of the targets y1, y2 is 1"),
    "no probabilities": (
        X,
        np.column_stack([Y, Y]),
        None,
        {"error": "cross-entropy"},
        "needs targets between 0 and 1, .* found 1[0-9.]*",
    ),
    "sign": (X, Y, None, {"theta": "sign"}, "sign has no derivative"),
}


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", BAD)
def test_bad_tables(name: str, size: int) -> None:
    X, Y, weights, options, sentence = BAD[name]
    Y = None if Y is None else np.asarray(Y)
    errors = outcomes(size, lambda ranks: assembled(ranks, X, Y, weights, **options))
    assert [type(error) for error in errors] == [UserError] * size
    for error in errors:
        with pytest.raises(UserError, match=sentence):
            raise error
    assert len({str(error) for error in errors}) == 1


def test_shares_that_leave_no_rows() -> None:
    X, Y = regression(9)
    columns = Columns((0, 1, 2), (3,))
    few, one = (next(s for s in range(99) if for_test(s, 0.1, np.arange(9)).sum() == rows) for rows in (0, 1))
    shares: list[tuple[dict[str, Any], str]] = [
        ({"validation": 0.9999}, r"no row is left to train on: lower --validation 0\.9999\."),
        ({"test": 0.9999}, r"no row is left to train on: lower --test 0\.9999\."),
        ({"validation": 0.5, "test": 0.5}, r"no row is left to train on: lower --validation 0\.5 or --test 0\.5\."),
        ({"test": 0.1, "seed": few}, r"no row of 9 is kept for the test: raise --test 0\.1\."),
    ]
    for share, sentence in shares:
        with pytest.raises(UserError, match=f"^the arrays: {sentence}$"):
            loaded(OneRank(), X, Y, None, Recipe(columns, "identity", **share), Cut(9, 5, 2))
    recipe = Recipe(columns, "identity", test=0.1, seed=one)
    assert loaded(OneRank(), X, Y, None, recipe, Cut(9, 5, 2))[1].test_rows == 1


def test_a_single_row() -> None:
    """It is enough to hold out; to train on, it says nothing. And n may be 1."""
    X, Y = regression(6)
    seeds = {(~held_out(seed, 0.5, np.arange(6))).sum(): seed for seed in range(200)}
    assert assembled(OneRank(), X, Y, validation=0.5, seed=seeds[5]).examples.validation_rows == 1
    with pytest.raises(
        UserError, match=r"^the arrays: there is one row to train on of 6, the others .* kept apart: noth"
    ):
        assembled(OneRank(), X, Y, validation=0.5, seed=seeds[1])
    with pytest.raises(
        UserError, match=r"^the arrays: there is one row to train on: nothing can be learnt from a sing"
    ):
        assembled(OneRank(), X[:1], Y[:1])
    assert assembled(OneRank(), X[:2], Y[:2], np.full(2, 0.5)).examples.n == 1


@pytest.mark.parametrize("size", [1, 3])
def test_weights_that_leave_one_row_to_count(size: int) -> None:
    X, Y = regression(9)
    cut, weights = Cut(9, 3, 3), np.full(9, 2.0**-1000)
    weights[4] = 2.0**1000
    recipe = Recipe(Columns((0, 1, 2), (3,), 4), "identity")
    for Z, sentence in (
        (Y, "beside the largest weights .* in the rows that do, the target"),
        (Y * 0 + 3, "the target"),
    ):
        with pytest.raises(UserError, match=f"^the arrays: {sentence} column y is constant"):
            on_ranks(size, lambda ranks, Z=Z: loaded(ranks, X, Z, weights, recipe, cut))


def test_weights_that_vanish_beside_those_of_rows_held_out() -> None:
    X, Y = regression(30)
    weights = np.where(held_out(0, 0.3, np.arange(30)), 1.0, 1e-60)
    assert assembled(OneRank(), X, Y, weights, validation=0.3).examples.n > 0
    with pytest.raises(
        UserError, match=r"^the arrays: beside the largest weight, those of all rows .* 0 in float32\.$"
    ):
        assembled(OneRank(), X, Y, weights, validation=0.3, dtype="float32")
