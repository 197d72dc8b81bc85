"""Records to columns at the speed of compiled code: by Arrow and by NumPy, the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sources import opened, quick

from distnn.data.tables import parse
from distnn.data.tables.dialect import Dialect
from distnn.data.tables.parse import Parser, Unfit, Wanted
from distnn.data.tables.source import Missing
from distnn.errors import UserError

ODD = (
    *(
        '"a"',
        '"1"',
        '"a" ',
        '"1"\t ',
        ' "a"',
        '"1"2',
        '"a"b',
        '"a""b"',
        '"""a"" ;"',
        '""',
        '"" ',
        '"a',
        '5"',
        'a"b',
        "'1'",
    ),
    *('"a;b"', '"a\nb"', '"\n1" ', '"\v\n"', "", " ", "\v", "\xa0", "1\xa02", "1\v2", "\t1", "a\x85", "\u20281"),
    *(
        "NA",
        '"NA"',
        '"NA "',
        " NA ",
        "nan",
        "-nan(ind)",
        "inf",
        "Infinity",
        "1e400",
        "1e-400",
        "1D+01",
        "\u22121",
        "\u0967",
    ),
    *("1_000", "0x1", "++1", "- 1", ".5", "5.", ".", "-", "1e", "1f", "true", "1,5", "1 2", "#x", "#N/A", "é", "*"),
)
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


def outcomes(path: Path, missing: Missing | None) -> list[object]:
    """What a table gives whose columns are read as numbers, as words, and as both: values, or a sentence."""
    found: list[object] = []
    try:
        source = opened(path, header=False)
    except UserError as error:
        return [str(error)]
    every = tuple(range(len(source.columns)))
    for numbers, words in ((every, ()), ((), every), (every[:1], every[-1:])):
        source.prepare(0, source.n)
        try:
            values, texts = source.read(0, source.n, numbers, words, missing=missing)
        except UserError as error:
            found.append(str(error))
        else:
            found.append((values.astype(str).tolist(), [text.tolist() for text in texts]))
    return found


@quick
@given(
    rows=st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.lists(
                st.one_of(st.sampled_from(["1", "2", "3.5"]), st.sampled_from(ODD)), min_size=width, max_size=width
            ),
            min_size=1,
            max_size=5,
        )
    ),
    delimiter=st.sampled_from([",", ";", "\t", " ", "|"]),
    ending=st.sampled_from(["\n", "\r\n"]),
    missing=st.sampled_from([None, Missing()]),
)
@example(rows=[["1"], ['"1"2']], delimiter=";", ending="\n", missing=None)
@example(rows=[["2", "a"], ['"1" ', "b"], ["2", "c"], ['"3"  ', '"d\ne"']], delimiter=";", ending="\n", missing=None)
@example(rows=[["1", "2"], ['"a\nb"', "3"]], delimiter="\t", ending="\n", missing=None)
@example(rows=[["3.5", "2", "1"], ["1\v", "1", '"1\n"']], delimiter=";", ending="\n", missing=None)
@example(rows=[["\xa0"], ["1"]], delimiter=";", ending="\n", missing=None)
@example(rows=[["1"], ["1\xa02"]], delimiter=" ", ending="\n", missing=None)
def test_fast_and_slow_say_the_same(
    rows: list[list[str]], delimiter: str, ending: str, missing: Missing | None, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(ending.join(map(delimiter.join, rows)).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parser, "__call__", refuse)
        slow = outcomes(path, missing)
    for arrow in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parse, "ARROW", arrow)
            patch.setattr(parse, "SMALL", 0)
            assert outcomes(path, missing) == slow


def refuse(*arguments: object) -> None:
    raise Unfit


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_blanks_after_a_closing_quote_are_none_of_the_field(delimiter: str, tmp_path: Path) -> None:
    text = 'x;y\n"1" ;"a"  \n"2";"b ""c"" ;d"\n3;"e\n f" \n'.replace(";", delimiter)
    values, (words,) = opened(tmp_path / "table.csv", text).read(0, 3, [0], [1])
    assert values.ravel().tolist() == [1, 2, 3]
    assert words.tolist() == ["a", f'b "c" {delimiter}d', "e\n f"]
