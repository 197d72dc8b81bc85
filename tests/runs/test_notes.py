"""What is said of a table that is understood."""

from __future__ import annotations

from typing import Any

import numpy as np
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
