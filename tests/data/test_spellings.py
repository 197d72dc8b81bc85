"""Words that are numbers but for something."""

from __future__ import annotations

import pytest

from distnn.data.spellings import spelling


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["12%", "-3.5 %"], "numbers with a per cent sign"),
        (["$1,234.50", "$-3", "12 €", "USD 5"], "numbers with a currency"),
        (["1,234.5", "1.234,5", "1 234", "12\u202f345", "1'234"], "numbers with marks between groups of digits"),
        (["(12.50)", "(3)"], "numbers in parentheses"),
        (["<0.05", "> 3"], "limits instead of numbers"),
        (["1+2j", "-0.5-1.25i"], "complex numbers"),
        (["0x1F"], "hexadecimal numbers"),
        (["****", "******"], "stars, as Fortran writes where a number needs more room"),
        (["-1.500-2.500"], "numbers that run together"),
        (["1:0.5", "12:-3e-5"], "columns as LIBSVM's sparse format has them"),
        (["“1.5”"], "numbers in typographic quotes"),
        (["\u200b1.5"], "numbers with invisible characters"),
        (["5 kg", "3.2m/s", "40°C"], "numbers with a unit"),
        (["oak", "12%"], None),
        (["1,23", "4,5"], None),  # decimal commas
        (["3a", "oak"], None),
        ([], None),
    ],
)
def test_what_is_beside_the_number(words: list[str], what: str | None) -> None:
    found = spelling(words)
    assert (found and found.what) == what
