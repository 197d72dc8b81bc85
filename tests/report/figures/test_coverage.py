"""Coverage, counted row by row."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from distnn.report.figures.coverage import PROBABILITIES, coverage


def test_it_is_the_share_within_the_interval() -> None:
    deviations = 1.3 * np.random.default_rng(0).normal(size=500)
    within = [(np.abs(deviations) <= norm.ppf(0.5 + p / 2)).mean() for p in PROBABILITIES.tolist()]
    np.testing.assert_array_equal(coverage(deviations), within)
