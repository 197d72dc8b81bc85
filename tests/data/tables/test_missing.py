"""Missing values as sources give them: NaN among numbers, "" among words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sources import opened

from distnn.data.tables import ArraySource
from distnn.data.tables.source import Missing
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank

NAN = np.nan


def test_fields_of_text(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "a,b,c\n1,,oak\nNA,-999,NA\n 3 , NaN,\n")
    assert source.kind(0) is None and source.named
    values, (words,) = source.read(0, 3, [0, 1], [2], missing=Missing(numbers=(-999.0,)))
    np.testing.assert_array_equal(values, [[1, NAN], [NAN, NAN], [3, NAN]])
    assert words.tolist() == ["oak", "", ""]
    values, _ = source.read(1, 3, [1], missing=Missing(frozenset(["NA"])))
    np.testing.assert_array_equal(values, [[-999], [NAN]])
    with pytest.raises(UserError, match=r"line 2 \(row 0\), column b: the field is empty"):
        source.read(0, 3, [0, 1])
    with pytest.raises(UserError, match=r"line 3 \(row 1\), column a: 'NA' stands where a number belongs"):
        source.read(0, 3, [0, 1], missing=Missing(frozenset(["-"])))


@pytest.mark.parametrize("wrong", ["1_000", "inf", "3a"])
def test_what_is_not_missing_is_refused(tmp_path: Path, wrong: str) -> None:
    source = opened(tmp_path / "a.csv", f"a,b\n1,\n{wrong},2\n")
    with pytest.raises(UserError, match=rf"line 3 \(row 1\), column a: '{wrong}'"):
        source.read(0, 2, [0, 1], missing=Missing())


def test_infinity_may_stand_for_what_is_missing() -> None:
    values = np.array([1.0, np.inf, -np.inf, 1e300])
    Missing(numbers=(np.inf,)).erase(values)
    np.testing.assert_array_equal(values, [1, np.nan, -np.inf, 1e300])


def test_sentinels_of_float32_are_known_by_six_digits() -> None:
    values = np.array([9.96921e36, 9.969209968386869e36, 9.97e36, -999.0, -999.0001])
    Missing(numbers=(9.96921e36, -999.0)).erase(values)
    assert np.isnan(values).tolist() == [True, True, False, True, False]


def test_arrays_typed() -> None:
    X = np.ma.masked_array([[1.5, -999], [2.5, 7]], [[False, True], [False, False]])
    source = ArraySource(X, np.array([2**53, 2**53 + 1]), None, OneRank())
    source.prepare(0, 2)
    assert [source.kind(column) for column in range(3)] == ["numbers", "numbers", "integers"]
    values, (words,) = source.read(0, 2, [0, 1], [2], missing=Missing())
    np.testing.assert_array_equal(values, [[1.5, NAN], [2.5, 7]])
    assert words.tolist() == ["9007199254740992", "9007199254740993"]
    with pytest.raises(UserError, match="row 0, column x2: nan is not a finite number"):
        source.read(0, 2, [0, 1])


def test_any_column_may_be_read_either_way(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.array([[1.0, NAN], [2.5, 3.0]]), y=np.array(["1.5", "NA"]))
    source = opened(tmp_path / "a.npz")
    values, words = source.read(0, 2, [2], [0, 1], missing=Missing())
    np.testing.assert_array_equal(values, [[1.5], [NAN]])
    assert [list(column) for column in words] == [["1", "2.5"], ["", "3"]]
    np.save(tmp_path / "b.npy", np.array([True, False]))
    source = opened(tmp_path / "b.npy")
    assert source.kind(0) == "booleans" and not source.named
    assert source.read(0, 2, [0], [0])[1][0].tolist() == ["True", "False"]
