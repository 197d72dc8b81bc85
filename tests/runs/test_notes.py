"""What is said of a table that is understood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables import assembled

from distnn.parallel.ranks import OneRank

X = np.random.default_rng(0).uniform(1, 2, (30, 2))
GAPS = np.where(np.arange(30)[:, None] % 10 == [0, 20], np.nan, X)


@pytest.mark.parametrize(
    ("x", "y", "options", "said"),
    [
        (X, X[:, 0], {}, ["inputs x1, x2: numbers", "target y: 30 numbers"]),
        (X, X[:, 0] > 1.5, {}, ["inputs x1, x2: numbers", "target y: 2 classes (False, True)"]),
        (
            X,
            (X[:, 0] > 1.5) * 1,
            {"transform": ("x1=log",)},
            [
                "input x1: log of numbers",
                "input x2: numbers",
                "target y: 30 numbers, all 0 or 1: predicted as numbers; if they are classes, say --classes, which "
                "also trains faster",
            ],
        ),
        (X, X, {"transform": ("y2=log1p",)}, ["inputs x1, x2: numbers", "targets y1, y2: 30 numbers, log1p of them"]),
        (
            GAPS,
            X[:, 0],
            {"impute": "constant", "fill": 1.25, "indicator": True},
            [
                "input x1: numbers, 3 missing, 1.25 in their place, and an input that says so",
                "input x2: numbers",
                "target y: 30 numbers",
            ],
        ),
        (GAPS, X[:, 0], {"impute": "drop"}, ["inputs x1, x2: numbers", "target y: 27 numbers"]),
    ],
)
def test_a_line_for_each_group_of_columns(x: Any, y: Any, options: dict[str, Any], said: list[str]) -> None:
    assert [*assembled(OneRank(), x, y, **options).notes] == said


def test_inputs_that_are_the_same_in_all_rows() -> None:
    """What their weights begin with stays, and would be taken for an effect where another value comes."""
    x = np.column_stack([X, np.full(30, 0.1), np.full(30, 7)])
    said = assembled(OneRank(), x, X[:, 0]).notes[-1]
    assert said == "x3, x4: the same in all rows to train on; what another value does is not learnt"


def test_rows_that_are_there_more_than_once() -> None:
    x = np.vstack([X, X[:20]])
    said = assembled(OneRank(), x, x[:, 0]).notes[-1]
    assert said.startswith("40 % of the rows are the same as one before, target and all: if they are copies, leave")
    assert not any("copies" in said for said in assembled(OneRank(), x[:33], x[:33, 0]).notes)


def test_inputs_that_may_be_no_quantities() -> None:
    """Each in one sentence with its name and what to do; a number that is different in each row by its name alone."""
    rows, draw = np.arange(30), np.random.default_rng(0)
    ids = draw.permutation(1000)[:30]
    columns = {"row": rows + 1, "day": 20240101 + rows % 3, "tweet": 10**17 + ids, "CustomerId": ids, "paid": ids[::-1]}
    said = assembled(OneRank(), pd.DataFrame(columns | {"a": X[:, 0]}), X[:, 0]).notes[-4:]
    assert said == [
        "row: it counts the rows; if it is no quantity, but the number of a row, leave it out: --ignore row",
        "day: it looks like dates, YYYYMMDD, where the first of a month is far from the last of the one before: make "
        "it a number, such as days, or leave it out: --ignore day",
        "tweet: whole numbers beyond 2^53, the last digits of which are lost; if they are ids, leave them out: "
        "--ignore tweet",
        "CustomerId: by its name and its numbers, which are all different, it says which row this is, and nothing can "
        "be learnt from that: leave it out, --ignore CustomerId",
    ]


def test_what_weights_count_for() -> None:
    """Those that are 1/σ² may make 30 rows 3 million."""
    for factor, n, hint in ((1.0, "30", False), (2.0**17, "3.93216e+06", True), (2.0**-10, "0.0292969", True)):
        said = assembled(OneRank(), X, X[:, 0], weights=factor * np.tile([0.5, 1.5], 15)).notes[-1]
        assert f"weights: a row counts for as many as its weight, 30 rows for n = {n}" in said
        assert ("if they are no counts, but 1/σ² for example, scale them to a sum of 30" in said) is hint
    assert not any("weight" in said for said in assembled(OneRank(), X, X[:, 0]).notes)
