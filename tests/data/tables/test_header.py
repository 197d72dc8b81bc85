"""What the first records of a text table are."""

from __future__ import annotations

import re

import pytest

from distnn.data.tables.dialect import Dialect
from distnn.data.tables.header import read_head

SPACES = Dialect(None)
COMMAS = Dialect(",")


@pytest.mark.parametrize(
    ("dialect", "text", "header", "names", "skipped"),
    [
        (COMMAS, "a,b|1,2|3,4", None, ("a", "b"), 1),
        (COMMAS, "1,2|3,4", None, None, 0),
        (COMMAS, "1,2|3,4", True, ("1", "2"), 1),
        (COMMAS, "a,b|1,2", False, None, 0),
        (COMMAS, "1100,1102,protein|0.31,0.4,11.5|0.3,0.41,12.1", None, ("1100", "1102", "protein"), 1),
        (COMMAS, "1100,1102,oak|0.31,0.4,elm|0.3,0.41,oak", None, None, 0),  # a word above words may be a row's
        (COMMAS, "0,1,2|0.5,0.25,1.5|0.1,0.2,0.3", None, ("0", "1", "2"), 1),
        (COMMAS, "0,1,2|0.5,0.25,1|0.1,0.2,0", None, ("0", "1", "2"), 1),
        (COMMAS, "0,1,2|3,4,yes|1,5,no", None, ("0", "1", "2"), 1),
        (COMMAS, "0,1,2|3,4,yes|1,5,2", None, None, 0),  # 2 is a word of that column, too
        (COMMAS, "0,1|0.5,3|0.1,4", None, None, 0),
        (COMMAS, "3,1,2|0.5,0.25,1.5|0.1,0.2,0.3", None, None, 0),
        (COMMAS, "a,b|m,kg|1,2|3,4", None, ("a", "b"), 2),
        (COMMAS, "a,b|m,kg|1,elm|3,oak", None, ("a", "b"), 1),  # the second row may be words as the others are
        (COMMAS, "a,b|1,2,|3,4,", None, ("a", "b"), 1),
        (COMMAS, ",a,b|0,1,2|1,3,4", None, ("a", "b"), 1),
        (SPACES, '"a" "b"|"r1" 1 2|"r2" 3 4', None, ("a", "b"), 1),
        (SPACES, "a b|1 1 2|2 3 4", None, ("a", "b"), 1),
        (SPACES, "a b|7 1 2|9 3 4", None, ("a", "b"), 1),  # not counted: the width is an error, which text.py says
    ],
)
def test_names_and_where_rows_begin(
    dialect: Dialect, text: str, header: bool | None, names: tuple[str, ...] | None, skipped: int
) -> None:
    head = read_head(dialect, text.split("|"), "", header)
    assert (head.names, head.skipped) == (names, skipped)


@pytest.mark.parametrize(
    ("text", "trailing", "row_names"),
    [
        ("a,b|1,2|3,4", False, False),
        ("a,b,|1,2,|3,4,", True, False),
        ("a,b|1,2,|3,4,", True, False),
        ("a,b|1,2,|3,4,5", False, False),
        (",a|0,2|1,4", False, True),
    ],
)
def test_what_of_a_record_is_no_column(text: str, trailing: bool, row_names: bool) -> None:
    dialect = read_head(COMMAS, text.split("|"), "", None).dialect
    assert (dialect.trailing, dialect.row_names) == (trailing, row_names)


@pytest.mark.parametrize(
    ("text", "comment", "said"),
    [
        ("a,b|1,2", "", None),
        ("a,b|m,kg|1,2|3,4", "", r"its first line .* names \(a, b\), and its second, .* left out, for units \(m, kg\)"),
        (
            "kind,a,day,y|,m,,-|oak,1,1.5.,|fir,,2.5.,4",
            "",
            r"its first line .* and its second, which is left out, for units \(, m, , -\)",
        ),
        (",a|0,2|1,4", "", r"its first column, which has no name \(0, 1, …\), is left out"),
        ("0,1|0.5,1.5|2.5,3.5", "", r"its first line is taken for names \(0, 1\); --no-header takes it for a row"),
        ("5,7|0.5,1.5|2.5,3.5", "", r"its first line \(5, 7\) is taken for a row; --header takes it for names"),
        ("2000,2001|0.5,1|2.5,3", "", r"its first line \(2000, 2001\) is taken for a row; --header takes .*"),
        ("0,1,2|3,4,5|4,5,6", "", r"its first line \(0, 1, 2\) is taken for a row; --header takes it for names"),
        ("5,7|6,8|1,2", "", None),
        ("1,2|3,4", "x,y", r"its columns are named by the comment line before the first row: x, y"),
    ],
)
def test_what_is_guessed_is_said(text: str, comment: str, said: str | None) -> None:
    notes = read_head(COMMAS, text.split("|"), comment, None).notes
    assert notes == () if said is None else len(notes) == 1 and re.fullmatch(said, notes[0])
