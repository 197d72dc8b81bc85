"""Numbers inside sentences."""

from __future__ import annotations

import pytest

from distnn.words import many, rounded


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_234_567, "1,234,567 rows")]
)
def test_many(count: int, shown: str) -> None:
    assert many(count, "row") == shown


def test_a_plural_of_its_own() -> None:
    assert (many(1, "class", "classes"), many(2, "class", "classes")) == ("1 class", "2 classes")


@pytest.mark.parametrize(
    ("value", "shown"), [(8.754e6, "8,750,000"), (123.4, "123"), (99.96, "100"), (12.34, "12.3"), (0.004567, "0.00457")]
)
def test_three_digits(value: float, shown: str) -> None:
    assert rounded(value) == shown
