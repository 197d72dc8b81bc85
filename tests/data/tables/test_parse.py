"""Records to columns at the speed of compiled code: by Arrow and by NumPy, the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distnn.data.tables import parse
from distnn.data.tables.dialect import Dialect
from distnn.data.tables.parse import Parser, Unfit, Wanted
from distnn.data.tables.source import Missing

COMMAS = Dialect(",")
BOTH = Wanted((0, 1))


@pytest.fixture(params=[True, False], ids=["arrow", "numpy"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow and NumPy, one after another."""
    monkeypatch.setattr(parse, "ARROW", request.param)
    monkeypatch.setattr(parse, "SMALL", 0)


@settings(deadline=None)  # Arrow is imported in one of them
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_are_the_nearest_ones(numbers: list[float]) -> None:
    for shown in (repr, "{:.20e}".format, "{:.3g}".format):
        fields = list(map(shown, numbers))
        expected = [[float(field)] for field in fields]
        if not np.isfinite(expected).all():
            continue
        for arrow in (True, False):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(parse, "ARROW", arrow)
                patch.setattr(parse, "SMALL", 0)
                values, _ = Parser(COMMAS, 1, False)("\n".join(fields).encode(), Wanted((0,)))
            np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    "record",
    [b"1,x", b"1,", b"1", b"1,2,3", b"1,nan", b"1,inf", b"1,2\n\n3,4", b'1,"2', b"1\r2,3", b"1,\xff"],
)
@pytest.mark.usefixtures("either")
def test_what_is_out_of_the_ordinary_is_left_to_others(record: bytes) -> None:
    with pytest.raises(Unfit):
        Parser(COMMAS, 2, False)(record, BOTH)


@pytest.mark.parametrize("delimiter", [",", None])
@pytest.mark.parametrize("record", [b"1,2\n\n3,4", b"\n1,2", b"1,2\n", b""])
@pytest.mark.usefixtures("either")
def test_an_empty_line_is_no_row_of_missing_values(record: bytes, delimiter: str | None) -> None:
    data = record if delimiter else record.replace(b",", b" ")
    with pytest.raises(Unfit):
        Parser(Dialect(delimiter), 2, False)(data, BOTH._replace(missing=Missing()))


@pytest.mark.usefixtures("either")
def test_fortrans_exponents_and_line_ends() -> None:
    values, _ = Parser(COMMAS, 2, False)(b"2.7D-01,3.14-114\r\n1,2\r\nrest", BOTH, stop=22)
    np.testing.assert_array_equal(values, [[0.27, 3.14e-114], [1, 2]])


def test_words_and_gaps_by_arrow() -> None:
    wanted = Wanted((0,), (1,), Missing(numbers=(-999.0,)))
    values, (words,) = Parser(COMMAS, 2, False)(b"1, oak\n?,NA\n-999,elm\nNaN,", wanted)
    np.testing.assert_array_equal(values, [[1], [np.nan], [np.nan], [np.nan]])
    assert words.tolist() == ["oak", "", "elm", ""]


def test_decimal_commas_row_names_and_a_last_delimiter_by_arrow() -> None:
    dialect = Dialect(";", decimal=",", row_names=True, trailing=True)
    values, _ = Parser(dialect, 2, False)(b"r1;1,5;2;\nr2;3;4,25;", BOTH)
    np.testing.assert_array_equal(values, [[1.5, 2], [3, 4.25]])
    with pytest.raises(Unfit):
        Parser(dialect, 2, False)(b"r1;1,5;2;7", BOTH)
