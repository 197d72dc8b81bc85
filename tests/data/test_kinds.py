"""What a column is taken for, by all that it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from distnn.data.encoding import PLAIN, Encoding
from distnn.data.kinds import Column, encoding, holds_classes, refuse_classes
from distnn.data.survey import Found
from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


class Table(ArraySource):
    """A table that says where a word stands."""

    def read(self, start: int, *more: Any, **options: Any) -> Any:
        raise UserError(f"a.csv, line {start + 2}, column x1: a word stands where a number belongs.")


SOURCE = Table(np.ones((2, 1)), None, None, OneRank())


def column(different: dict[str, int], forced: str | None = None, kind: Any = None, **counts: int) -> Column:
    words = {name: count for name, count in different.items() if not name.lstrip("-").isdigit()}
    numbers = sum(different.values()) - sum(words.values())
    first = (5, next(iter(words))) if words else None
    found = Found(kind, **{"numbers": numbers, "words": sum(words.values()), **counts}, first=first)  # type: ignore[arg-type]
    found.different = Counter(different)
    return Column(SOURCE, 0, found, forced)


LETTERS = {"a": 3, "b": 4, "10": 2, "9": 2}
MANY = {f"w{i}": 2 for i in range(12)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (column({}, numbers=9), PLAIN),
        (column({}, numbers=9, kind="integers"), PLAIN),
        (column({"1": 9}, "numbers"), PLAIN),
        (column({}, numbers=9, kind="booleans"), Encoding("booleans")),
        (column({"True": 3, "False": 2}), Encoding("booleans")),
        (column({"True": 3, "False": 2}, "words"), Encoding("words", ("False", "True"))),
        (column(LETTERS), Encoding("words", ("10", "9", "a", "b"))),
        (column({"10": 2, "9": 3}, "words"), Encoding("words", ("9", "10"))),
        (column({str(i): 1 for i in range(11)}, "words"), Encoding("words", tuple(map(str, range(11))))),
    ],
)
def test_inputs(given: Column, expected: Encoding) -> None:
    assert encoding(given, 12) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (column({"2026-01-02": 3, "3.1.2026": 1}), "x1 holds dates, such as '2026-01-02': .* --ignore x1"),
        (column({"12:30": 3}), "x1 holds dates"),
        (column({}, missing=7), "x1 holds nothing but missing values: leave it out with --ignore x1"),
        (
            column({"1": 90, "3a": 1}),
            r"line 7, .* 90 numbers and 1 word\. .*--missing 3a; .*--types x1=words",
        ),
        (
            column({**{str(i): 1 for i in range(30)}, "-": 9, "low": 6}),
            r"line 7, .* 30 numbers and 15 words\. .*--missing -; .*--types x1=words",
        ),
        (column({**MANY, "z": 2}), r"x1 holds 13 different words, .*--ignore x1, or raise --categories 12"),
        (
            column({str(i): 1 for i in range(11)}, kind="words", numbers=0, words=11),
            "x1 holds numbers, written as words: say --types x1=numbers",
        ),
        (column({f"w{i}": 1 for i in range(11)}), "another word in each row, .*--ignore x1"),
    ],
)
def test_inputs_in_doubt(given: Column, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        encoding(given, 12)


def test_targets() -> None:
    for given, expected in [
        (column({}, numbers=9), False),
        (column({}, numbers=9, kind="booleans"), True),
        (column({"a": 3}, kind="words"), True),
        (column(LETTERS), True),
        (column({"4": 5, "3a": 4, "5b": 4}), True),
        (column({"4": 5}, "words"), True),
        (column(LETTERS, "numbers"), False),
    ]:
        assert holds_classes(given) is expected
    for given, sentence in [
        (column({"1": 90, "NaM": 1}), "line 7, column x1: a word .* 90 numbers and 1 word.*--missing NaM"),
        (column({**{str(i): 1 for i in range(60)}, "a": 30}), "line 7, .* 60 numbers and 30 words"),
        (column({}, missing=7), "the target, holds nothing but missing values"),
        (column({"2026-01-02": 3}), "holds dates"),
    ]:
        with pytest.raises(UserError, match=sentence):
            holds_classes(given)


def test_no_classes() -> None:
    refuse_classes("t", "y", 51, 1000, 10, asked=False)
    refuse_classes("t", "y", 60, 1000, 60, asked=True)
    refuse_classes("t", "y", 5, 5, 0, asked=False)
    with pytest.raises(UserError, match="each of the 60 rows has its own class in y"):
        refuse_classes("t", "y", 60, 60, 0, asked=True)
    with pytest.raises(UserError, match=r"own class in y: there is nothing to learn\. .* --types y=numbers\."):
        refuse_classes("t", "y", 60, 60, 60, asked=False)
    with pytest.raises(UserError, match=r"would have 60 classes, and nearly all are numbers\. Say --types y=numbers"):
        refuse_classes("t", "y", 60, 1000, 59, asked=False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            column({"1,234.5": 3, "12": 4, "2,000.0": 3}),
            r"marks between groups of digits, such as '1,234.5': write them",
        ),
        (column({f"{i} kg": 1 for i in range(12)}), r"numbers with a unit, such as '0 kg': write .*--types x1=words"),
        (column({f"{i + 1}-Jan-2024": 3 for i in range(12)}), "holds dates"),
        (column({f"March {i + 1}, 2024": 3 for i in range(12)}), "holds dates"),
    ],
)
def test_words_that_are_numbers_but_for_something(given: Column, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        encoding(given, 100)


def test_doses_may_be_words() -> None:
    assert encoding(column({"5 mg": 6, "10 mg": 7}), 100).categories == ("10 mg", "5 mg")
    assert encoding(column({"10%": 6, "20%": 7}, "words"), 100).categories == ("10%", "20%")


def test_percentages_are_no_classes() -> None:
    with pytest.raises(UserError, match="per cent sign, such as '10%'"):
        holds_classes(column({"10%": 6, "20%": 7}))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("x1", r"It is the column's name again"),
        ("*****", r"These are stars, as Fortran writes .*--missing '\*\*\*\*\*';"),
        ("-1.#IND", r"--missing='-1\.#IND';"),
        ("0.8 # ok", r"Correct it; or .* --missing '0.8 # ok';"),
    ],
)
def test_one_word_among_numbers(word: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        encoding(column({word: 1}, numbers=50, words=1), 100)


def test_names_taken_for_the_first_row() -> None:
    given = column({"y": 1}, numbers=50, words=1)
    nameless = Table(np.ones((2, 1)), None, None, OneRank())
    nameless.named = False
    found = replace(given, source=nameless, found=replace(given.found, first=(0, "y")))
    with pytest.raises(UserError, match="If the first line holds names, say --header; or"):
        encoding(found, 100)
