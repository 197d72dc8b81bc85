"""Exact sums guess their exponents: right or wrong, it costs time, and not a bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sums import bits, one_rank

from distnn.parallel import reduction
from distnn.parallel.layout import Part
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


class Counted:
    """Terms that are counted as they are computed."""

    def __init__(self, parts: Sequence[Part], rows: list[list[float]]):
        self.parts, self.rows, self.computed = parts, np.array(rows, np.float64), 0

    def __call__(self, j: int, out: np.ndarray) -> None:
        self.computed += 1
        out[:] = self.rows[j]

    def times(self, sums: ExactSum, scale: object = 1.0) -> float:
        """How often each term, times scale, is computed for a sum, which is right."""
        self.computed, plain = 0, self.rows
        self.rows = plain * scale
        found, expected = sums(self), one_rank(self.rows, self.parts)
        self.rows = plain
        assert bits(found) == bits(expected)
        return self.computed / len(plain)


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_terms_are_computed_again_only_for_a_wrong_guess(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    sums, terms = ExactSum(OneRank(), [2, 1], 2, 2), Counted([2, 1], [[3, 2, 5], [6, 2, 5]])
    again = 1 if kept else 2
    assert terms.times(sums) == again
    assert sums.second_guess is None  # the first sum has nothing to go by, and shows nothing
    assert terms.times(sums) == 1
    exponents = sums.exponents
    assert terms.times(sums, 1.25) == 1  # the largest term is 7.5, in the same step of 4 bits
    assert sums.exponents is exponents  # no others were looked for
    assert terms.times(sums, [1, 1, 0]) == 1  # a part that vanishes and comes back
    assert terms.times(sums) == 1
    assert terms.times(sums, [1, 1, 4]) == again  # a step up, the first wrong guess
    assert terms.times(sums) == 1  # a step down and up, which are now kept in mind
    assert terms.times(sums, [1, 1, 4]) == 1
    assert (sums.second_guess is None) == bool(kept)
    for left in reversed(range(reduction.DOUBT)):
        assert (sums.second_guess is None) == bool(kept)
        assert terms.times(sums, [1, 1, 4]) == 1
        assert left or sums.second_guess is None
    assert terms.times(sums, [1, 1, 1e6]) == again


def test_rows_and_parts_to_and_fro(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that goes a step down and up apart from its part; then the whole part."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", 0)
    parts = [(3, 1), (1, 2), 1]
    sums, terms = ExactSum(OneRank(), parts, 1, 1), Counted(parts, [[3, 1, 2.0**-3, 3, 1, 1]])
    row, all_rows = np.array([1, 2.0**-22, 1, 1, 1, 1]), np.array([2.0**-3] * 5 + [1])
    terms.times(sums)
    assert terms.times(sums, row) == 2
    assert [terms.times(sums, scale) for scale in (1, row, 1, 1, row)] == [1] * 5
    assert terms.times(sums, row * all_rows) == 2
    assert [terms.times(sums, scale * row) for scale in (1, all_rows, all_rows, 1)] == [1] * 4
    vanished = np.array([1, 1, 0, 1, 1, 1])  # as the weights of a unit that is off
    assert [terms.times(sums, scale * row) for scale in (vanished, 1, vanished, 1)] == [1] * 4


def test_rows_go_to_and_fro_each_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a row that moved, where it was stays in mind while others of its part move; else the part's next step does."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", 0)
    parts = [(3, 1), 1]
    sums, terms = ExactSum(OneRank(), parts, 1, 1), Counted(parts, [[3, 1, 1, 1]])
    one, other, part = np.array([1, 2.0**-22, 1, 1]), np.array([1, 1, 2.0**-22, 1]), np.array([1.2, 1, 1, 1])
    terms.times(sums)
    assert [terms.times(sums, one), terms.times(sums, one * other)] == [2, 2]
    assert [terms.times(sums, scale) for scale in (1, one * other, other, one)] == [1] * 4
    sums, small = ExactSum(OneRank(), parts, 1, 1), np.array([5, 2.0**-9, 1, 1])  # 15, just below a step
    terms.times(sums, small)
    steps = [small * part, small, small * part]  # a step up and down, with a row that is in steps of its own from there
    assert [terms.times(sums, scale) for scale in steps] == [2, 1, 1]


@pytest.mark.parametrize("far", [0, 1, 2])
def test_every_row_must_be_one_that_was_guessed(far: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three parts two are as in one of the two guesses, the third one is in neither: all are computed again."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", 0)
    sums, terms = ExactSum(OneRank(), [1, 1, 1], 1, 1), Counted([1, 1, 1], [[1 / 3, 1 / 3, 1 / 3]])
    terms.times(sums)
    assert terms.times(sums, 16) == 2
    assert sums.second_guess is not None
    scale = np.array([1.0, 1.0, 1.0])
    scale[far] = 2.0**40
    assert terms.times(sums, scale) == 2
    scale[far] = 2.0**80
    assert terms.times(sums, scale) == 2


def test_a_rank_without_terms_guesses_too() -> None:
    """It has a sum for the ranks' message, of the same length, and nothing to compute."""
    sums, terms = ExactSum(OneRank(), [(2, 1)], 0, 5), Counted([(2, 1)], [[0, 0]])
    for largest in ([1.0, 1e-9], [1e9, 1.0], [0.0, 0.0], [1.0, 1e-9]):
        sums.first(terms)
        assert sums.largest.tolist() == [0, 0]
        sums.largest[:] = largest
        sums.second(terms)
        assert sums.sum.tolist() == [0, 0, 0, 0]
        if any(largest):
            assert (sums.guess.exponent >= np.log2(largest)).all()
    assert terms.computed == 0
