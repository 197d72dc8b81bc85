"""Student's t against scipy's: quantiles and densities, of whole and other degrees of freedom, far out, and normal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from availability import need_instructions
from passing import digest
from scipy.stats import norm, t

from distnn.kernels.student import MANY, log_density, quantile

FREEDOM = [0.5, 1.0, 1.3, 2.0, 4.7, 30.0, 31.7, MANY, MANY + 1, 1e6]


@pytest.mark.parametrize("freedom", FREEDOM)
def test_it_is_scipys(freedom: float) -> None:
    probabilities = [0.001, 0.5, 0.9, 0.95, 0.999, 0.999999]
    expected = [t.isf((1 - probability) / 2, freedom) for probability in probabilities]
    np.testing.assert_allclose([quantile(each, freedom) for each in probabilities], expected, rtol=2e-11)
    at = np.linspace(-40, 40, 101)
    np.testing.assert_allclose(log_density(at, freedom), t.logpdf(at, freedom), rtol=1e-8)


def test_of_one_and_two_degrees_there_are_formulas() -> None:
    assert quantile(0.95, 1.0) == pytest.approx(math.tan(0.475 * math.pi), rel=1e-13)
    assert quantile(0.95, 2.0) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-13)


def test_where_all_is_known_it_is_normal() -> None:
    assert quantile(0.95, math.inf) == pytest.approx(1.959963984540054, rel=1e-15)
    at = np.linspace(-40, 40, 101).reshape(1, -1)
    np.testing.assert_allclose(log_density(at, math.inf), norm.logpdf(at), rtol=1e-13)


def test_the_same_bits_everywhere() -> None:
    need_instructions()
    found = [quantile(0.95, freedom) for freedom in FREEDOM]
    densities = [log_density(np.linspace(-3, 3, 7), freedom) for freedom in FREEDOM]
    assert digest([np.array(found), *densities]) == "16e4d2db2938d018"
