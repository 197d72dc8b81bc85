"""Functions of numbers: right to the last place or so, wherever the numbers lie in memory."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from availability import need_instructions
from passing import DTYPES

from distnn.kernels import elementary, library

EXACT = {
    "exp": (np.exp, np.r_[np.linspace(-745, 709, 4001), np.linspace(-1, 1, 999)], [0, 1, np.inf, 0, np.inf]),
    "expm1": (np.expm1, np.r_[np.linspace(-60, 709, 4001), np.logspace(-300, 0, 999)], [-1, 0, np.inf, -1, np.inf]),
    "log": (np.log, np.r_[np.logspace(-320, 308, 4001), np.linspace(0.5, 2, 999)], [np.nan, -np.inf, np.inf, np.nan]),
    "log1p": (np.log1p, np.r_[np.logspace(-300, 300, 4001), np.linspace(-0.99, 2, 999)], [np.nan, 0, np.inf, np.nan]),
}


@pytest.mark.parametrize("name", EXACT)
def test_functions_to_little_more_than_a_unit_in_the_last_place(name: str) -> None:
    need_instructions()
    function, x, ends = EXACT[name]
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.longdouble))
        spacing = np.spacing(np.abs(exact.astype(float)))
        assert (np.abs(elementary.applied(name, x) - exact) <= 1.2 * spacing).all()
    special = np.array([-np.inf, 0, np.inf, -1000, 1000][: len(ends)], float)
    np.testing.assert_array_equal(elementary.applied(name, special), ends)
    assert math.isnan(elementary.value(name, math.nan))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", library.FUNCTIONS)
def test_every_nan_stays_one(name: str, dtype: str) -> None:
    """Whatever its other bits, as in memory that nothing was written to yet: the sanitizers look at it, too."""
    need_instructions()
    bits = np.iinfo(dtype.replace("float", "int")).max - np.r_[0 : 3000 : 1 if dtype == "float32" else 7]
    nans = bits.astype(dtype.replace("float", "int")).view(dtype)
    assert np.isnan(nans).all() and np.isnan(elementary.applied(name, np.concatenate([nans, -nans]))).all()


def test_rows_of_longer_ones_are_replaced_in_their_place(way: str) -> None:
    a = np.random.default_rng(0).standard_normal((40, 30))
    expected = a.copy()
    for x, wanted in ((a.T[2:9, 1:20], expected.T[2:9, 1:20]), (a[::2, 3:5], expected[::2, 3:5])):
        wanted[:] = np.exp(wanted)
        elementary.apply("exp", x)
    np.testing.assert_allclose(a, expected, rtol=1e-14)


def test_powers_and_cosine() -> None:
    assert elementary.power(0.9, 0) == 1 and elementary.power(2.0, 10) == 1024
    assert elementary.power(0.999, 12345) == pytest.approx(0.999**12345, rel=1e-12)
    for x in np.linspace(0, 1, 1001).tolist():
        assert elementary.cosine_of_half_turns(x) == pytest.approx(math.cos(math.pi * x), rel=1e-15, abs=2e-16)
    assert [elementary.cosine_of_half_turns(x) for x in (0.0, 0.5, 1.0)] == [1, 0, -1]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 785, 1769, 2397, 10**6 + 3])
def test_inverse_roots_are_rounded_once(n: int) -> None:
    """Of 1,769 and 2,397 the power of glibc is the neighbour."""
    found = elementary.inverse_root(n)
    below, above = (Fraction(np.nextafter(found, end)) + Fraction(found) for end in (0.0, 1.0 + found))
    assert (below / 2) ** 2 * n <= 1 <= (above / 2) ** 2 * n
