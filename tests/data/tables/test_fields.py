"""Records to columns field by field, and what is said of the first bad one."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.data.tables.dialect import Dialect
from distnn.data.tables.fields import parse_fields
from distnn.data.tables.parse import Values, Wanted
from distnn.data.tables.source import Missing
from distnn.errors import UserError


def parsed(records: list[bytes], wanted: Wanted, dialect: Dialect = Dialect(",")) -> Values:  # noqa: B008  # frozen
    """Of a table with the columns a and b."""
    return parse_fields(records, dialect, ("a", "b"), wanted, lambda i: f"record {i}")


def test_numbers_words_and_gaps() -> None:
    wanted = Wanted((0,), (1,), Missing(numbers=(-999.0,)))
    values, (words,) = parsed([b'1.5,"oak, old"', b"NA,01", b"-999,?", b",\xc3\xa9lm\r"], wanted)
    np.testing.assert_array_equal(values, [[1.5], [np.nan], [np.nan], [np.nan]])
    assert words.tolist() == ["oak, old", "01", "", "élm"]


def test_a_column_may_be_both() -> None:
    values, (words,) = parsed([b"01,2"], Wanted((0, 1), (0,)))
    assert values.tolist() == [[1, 2]]
    assert words.tolist() == ["01"]


@pytest.mark.parametrize(
    ("record", "decimal", "sentence"),
    [
        (
            b"1",
            ".",
            "record 1 has 1 field where 2 belong: a row has a field for each column, which is empty if there is no "
            "value.",
        ),
        (
            b"1,2,3",
            ".",
            "record 1 has 3 fields where 2 belong: put a field with ',' inside in quotes, or correct the row.",
        ),
        (b"", ".", "record 1 is empty; remove it."),
        (b"1,\xff", ".", "record 1 is not UTF-8 text: say what it is with --encoding."),
        (b"1\r2,3", ".", "record 1 has a carriage return inside; remove it."),
        (b"1,x", ".", "record 1, column b: 'x' stands where a number belongs."),
        (b"x,y", ".", "record 1, column a: 'x' stands where a number belongs."),
        (b"1,", ".", "record 1, column b: the field is empty; fill it in or leave the row out."),
        (b"1,inf", ".", "record 1, column b: 'inf' is not a finite number; replace it or leave the row out."),
        (b"1,nan", ".", "record 1, column b: 'nan' is not a finite number; replace it or leave the row out."),
        (b'1,"2', ".", "record 1 cannot be cut into fields (.*); close its quotes, or write .* twice."),
        (b'1,"2,5"', ".", "record 1, column b: '2,5' stands where a number belongs; a comma is no decimal point .*"),
        (b'1,"2.5"', ",", "record 1, column b: '2.5' stands where a number belongs; this table has decimal commas, .*"),
    ],
)
def test_the_first_bad_record_is_named(record: bytes, decimal: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"^{sentence.replace('(', '[(]').replace(')', '[)]')}$"):
        parsed([b"1,2", record, b"z"], Wanted((0, 1)), Dialect(",", decimal=decimal))
