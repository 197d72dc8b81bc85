"""Arrays and frames of ranks that agree, and that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas
import polars
import pytest
from threaded_ranks import on_ranks, outcomes

from distnn.data.tables import ArraySource
from distnn.data.tables.passed import passed
from distnn.data.tables.source import Missing
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

TABLE = pandas.DataFrame(
    {
        "number": [0.5, 1, 2, 3],
        "gap": pandas.array([2**60 + 1, 2, None, 4], "Int64"),
        "yes": [True, False, None, True],
        "word": ["b", "a", None, "cc"],
        "class": pandas.Categorical([3, 1, 3, 3]),
    }
)


@pytest.mark.parametrize("cuts", [(0, 2, 2, 4), (0, 0, 3, 4), (0, 4, 4, 4)])
@pytest.mark.parametrize("library", [lambda frame: frame, polars.from_pandas], ids=["pandas", "polars"])
def test_frames_of_all_ranks_are_one_table(cuts: tuple[int, ...], library: Any) -> None:
    """Also where a rank's column holds nothing but missing values, and so is of no kind."""

    def work(ranks: Ranks) -> None:
        own = TABLE.iloc[cuts[ranks.rank] : cuts[ranks.rank + 1]]
        own = own.astype({"class": int})
        source = ArraySource(library(own.drop(columns="class")), library(own[["class"]]), None, ranks)
        assert source.columns == tuple(TABLE) and source.default_targets() == (4,)
        assert source.default_weights() is None and source.path == "the frame"
        assert [source.kind(j) for j in range(5)] == ["numbers", "integers", "booleans", None, "integers"]
        source.prepare(0, 4)
        numbers, (big, word) = source.read(0, 4, [0, 2, 4], [1, 3], missing=Missing())
        np.testing.assert_array_equal(numbers, [[0.5, 1, 3], [1, 0, 1], [2, np.nan, 3], [3, 1, 3]])
        assert big.tolist() == [str(2**60 + 1), "2", "", "4"] and word.tolist() == ["b", "a", "", "cc"]

    on_ranks(3, work)


A, B = pandas.DataFrame({"a": [1.0, 2], "b": [3.0, 4]}), pandas.DataFrame({"b": [3.0, 4], "a": [1.0, 2]})


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (A.to_numpy(), "X differs over the ranks: a frame on rank 0, an array, whose columns have no names on rank 1"),
        (B, "X differs over the ranks: column 0 is 'a' on rank 0, 'b' on rank 1"),
        (A[["a"]], "X differs over the ranks: 2 columns of numbers on rank 0, 1 column of numbers on rank 1"),
        (A.astype({"b": str}), "X differs over the ranks: column b holds numbers on rank 0, words on rank 1"),
        (A.assign(b=pandas.to_datetime("2020-01-01")), "column b holds numbers on rank 0, dates on rank 1"),
    ],
)
def test_frames_that_differ(other: Any, sentence: str) -> None:
    for error in outcomes(2, lambda ranks: ArraySource(other if ranks.rank else A, [1, 2], None, ranks)):
        assert isinstance(error, UserError) and sentence in str(error), error


def test_the_target_among_the_inputs() -> None:
    sentence = "X has the column 'b', too, which Y is: leave it out of X, or rename Y."
    for error in outcomes(2, lambda ranks: ArraySource(A, A["b"], None, ranks)):
        assert isinstance(error, UserError) and sentence in str(error), error


def test_strings_as_the_target_are_words() -> None:
    (source,) = on_ranks(1, lambda ranks: ArraySource(A, pandas.Series(["1", "2"]), pandas.Series([1, 2]), ranks))
    assert source.columns == ("a", "b", "y", "weights")
    assert (source.kind(2), source.default_weights()) == ("words", 3)


def test_a_rank_without_rows_passes_what_it_likes() -> None:
    def work(ranks: Ranks) -> tuple[str, ...]:
        X, Y = (A, [1, 2]) if ranks.rank else (pandas.DataFrame(), [])
        return ArraySource(X, Y, None, ranks).columns

    assert on_ranks(2, work) == [("a", "b", "y")] * 2


def test_an_index_in_another_order_is_refused() -> None:
    """Rows go by their places, and those who shuffle one frame may mean them by their names."""
    X, y = TABLE[["number"]], TABLE["number"]
    for Y, weights, name in ((y[::-1], None, "Y"), (y, TABLE["number"][[1, 0, 2, 3]], "weights")):
        with pytest.raises(UserError, match=rf"^{name} has the index of X in another order, .*{name}\.loc\[X\.index\]"):
            passed(X, Y, weights)
    twice = [frame.set_index([["a", "b", "b", "c"], [1, 2, 3, 4]]) for frame in (X, X)]
    for Y in (y, y[::-1].to_numpy(), y[::-1].reset_index(drop=True), y[1:].repeat(2)[:4]):
        passed(X, Y, None)
    passed(*twice, None)
