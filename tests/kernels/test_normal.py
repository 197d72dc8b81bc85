"""Quantiles of N(0, 1) against Python's, and draws from it: those of numpy, and beyond its table those of quantiles."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from availability import need_instructions
from passing import digest

from distnn.kernels.normal import BEYOND, TAIL, draw, quantile
from distnn.streams import stream


def test_quantiles() -> None:
    p = np.r_[np.logspace(-300, -0.31, 5000), 1 - np.logspace(-15, -0.31, 3000), 0.075, 0.925]
    np.testing.assert_allclose(quantile(p), [NormalDist().inv_cdf(each) for each in p.tolist()], rtol=2e-15, atol=1e-17)
    assert quantile(np.array([0.5])) == 0


def test_draws_are_numpys_but_for_the_tail_which_is_as_long() -> None:
    assert math.isclose(BEYOND, math.erfc(TAIL / math.sqrt(2)) / 2, rel_tol=1e-14)
    count = 4_000_000
    ours, numpys = draw(stream(1, "weights"), (2, count // 2)).ravel(), stream(1, "weights").standard_normal(count)
    far = np.abs(numpys) > TAIL
    np.testing.assert_array_equal(ours[~far], numpys[~far])
    np.testing.assert_array_equal(np.sign(ours[far]), np.sign(numpys[far]))
    assert 900 < far.sum() < 1200 and (ours[far] != numpys[far]).all()
    part = [math.erfc(abs(x) / math.sqrt(2)) / 2 / BEYOND for x in ours[far].tolist()]  # uniform in [0, 1]
    assert np.histogram(part, 4, (0, 1))[0].min() > len(part) / 4 - 5 * math.sqrt(len(part) * 3 / 16)
    assert max(part) <= 1 + 1e-12


def test_the_bits_are_those_of_every_other_machine() -> None:
    """A hash that x86-64 wrote: also of numbers beyond the table, by the logarithm of distnn."""
    need_instructions()
    x = draw(stream(2, "weights"), (100_000,))
    p = np.r_[np.arange(1, 4000) / 4000, np.ldexp(1.0, -np.arange(1, 1000))]
    assert digest([x, x[np.abs(x) > TAIL], quantile(p)]) == "beb9077b87c099a5"
