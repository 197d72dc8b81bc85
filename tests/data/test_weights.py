"""Weights scaled by a power of two: exactly, whatever their size, and by the same on every rank."""

from __future__ import annotations

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.weights import exponent, scaled
from distnn.parallel.ranks import OneRank


@pytest.mark.parametrize("largest", [5e-324, 1e-320, 1e-30, 0.06, 0.0625, 1.0, 15.9, 16.0, 1e30, 1e308])
def test_the_largest_is_between_a_sixteenth_and_one(largest: float) -> None:
    weights = np.array([largest / 3, largest, 0])
    e = exponent([None, weights], OneRank())
    found = scaled(weights, e)
    assert found is not None and e % 4 == 0 and 1 / 16 <= found.max() <= 1
    np.testing.assert_array_equal(np.ldexp(found, -e), weights)


def test_without_weights() -> None:
    assert exponent([None], OneRank()) == exponent([], OneRank()) == exponent([np.zeros(3)], OneRank()) == 0
    assert scaled(None, 4) is None


def test_all_ranks_agree() -> None:
    assert on_ranks(3, lambda ranks: exponent([np.array([10.0**ranks.rank])], ranks)) == [-8] * 3
