"""Coverage, counted row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from distnn.report.figures.coverage import PROBABILITIES, coverage


@pytest.mark.parametrize("freedom", [3.0, math.inf])
def test_it_is_the_share_within_the_interval(freedom: float) -> None:
    deviations = 1.3 * np.random.default_rng(0).normal(size=500)
    within = [(np.abs(deviations) <= student.ppf(0.5 + p / 2, freedom)).mean() for p in PROBABILITIES.tolist()]
    np.testing.assert_array_equal(coverage(deviations, freedom), within)
