"""Sums of squares beyond the range of a float64, against integers and fractions, which have none."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from distnn.inference.squares import SUMS, by_size, nearest, root, total

SIZES = [1.0, 1e-170, 1e160, 1e-320, 1.7e308, 1e-120, 1e120, 0.0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("other", SIZES)
def test_sums_of_differences_and_of_their_squares(size: float, other: float) -> None:
    generator = np.random.default_rng(0)
    a, b = size * generator.uniform(-1, 1, 50), other * generator.uniform(-1, 1, 50)
    parts = by_size(a, b)
    assert parts.shape == (SUMS, 50)
    exact = [Fraction(p) - Fraction(q) for p, q in zip(a, b, strict=True)]
    for power in (1, 2):
        found = total((parts**power).sum(axis=1), power)
        expected = sum(d**power for d in exact)
        scale = sum(abs(d) ** power for d in exact)
        assert found is not None
        assert abs(found - expected) <= Fraction(1, 10**14) * scale


def test_what_is_not_finite_has_no_total() -> None:
    assert total(by_size(np.array([1.0, math.inf]), np.zeros(2)).sum(axis=1), 1) is None
    assert total(np.array([math.nan, 0, 0]), 2) is None


@pytest.mark.parametrize("x", [0.0, 2.0, 3e-170, 1e160, 5e-324, 1.7e308])
def test_roots(x: float) -> None:
    assert root(Fraction(x) ** 2) == pytest.approx(x, rel=1e-15)
    assert root(Fraction(x)) == pytest.approx(math.sqrt(x), rel=1e-15)


def test_a_root_beyond_all_numbers() -> None:
    assert root(Fraction(10) ** 700) == math.inf


def test_fractions_beyond_the_range_of_a_float64_are_infinite() -> None:
    assert nearest(Fraction(1, 3)) == 1 / 3
    assert (nearest(Fraction(10) ** 400), nearest(-(Fraction(10) ** 400))) == (math.inf, -math.inf)
    assert nearest(1 / Fraction(10) ** 400) == 0
