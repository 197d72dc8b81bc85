"""Data sources: what is the same for every format, columns, and the built-in exclusive-or."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import (
    opened,
)

from distnn.data.tables import column_numbers
from distnn.data.tables.source import listed
from distnn.errors import UserError


def test_columns_by_name_and_number(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "age,height,2,age\n1,2,3,4\n", header=True)
    assert column_numbers(source, []) == ()
    assert column_numbers(source, ["height"]) == (1,)
    assert column_numbers(source, ["-1", "0"]) == (3, 0)
    assert column_numbers(source, ["2", "1"]) == (2, 1)
    for names, sentence in [
        (["heigth"], r"has no column 'heigth'; its columns are age, height, 2, age\. Did you mean 'height'\?$"),
        (["xyz"], r"has no column 'xyz'; its columns are age, height, 2, age\.$"),
        (["4"], r"has no column 4; it has 4, numbered from 0 to 3\.$"),
        (["-5"], "has no column -5; it has 4"),
        (["height", "1"], "column height is named twice, as 'height' and as '1'"),
        (["age"], "has several columns named 'age'; give one of their numbers: 0, 3"),
    ]:
        with pytest.raises(UserError, match=sentence):
            column_numbers(source, names)


def test_long_lists_of_columns_are_cut(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", ",".join(f"c{i}" for i in range(700)) + "\n" + ",".join("1" * 700) + "\n")
    with pytest.raises(UserError, match=r"its columns are c0, c1, .*, c11 and 688 more\.") as info:
        column_numbers(source, ["z" * 1000])
    assert len(str(info.value)) < 400


def test_names_with_commas_stand_in_quotes() -> None:
    assert listed(["x,1", "y, of z", "2"]) == "'x,1', 'y, of z', 2"
    assert listed(map(str, range(15)), 2) == "0, 1 and 13 more"
