"""The share of rows by their errors."""

from __future__ import annotations

import numpy as np

from distnn.report.curves import MOST
from distnn.report.figures.compared import shares


def test_the_share_of_rows_with_at_most_that_error() -> None:
    errors = np.abs(np.random.default_rng(1).normal(size=5000))
    errors[:7] = 0
    x, y = shares(errors)
    assert len(x) <= MOST and x[0] > 0 and (x[-1], y[-1]) == (errors.max(), 1)
    np.testing.assert_array_equal(y, [(errors <= limit).mean() for limit in x])


def test_errors_that_are_all_0_or_not_finite() -> None:
    assert [len(part) for part in shares(np.zeros(5))] == [0, 0]
    x, y = shares(np.array([1.0, np.inf, 2.0]))
    assert (x.tolist(), y.tolist()) == ([1, 2], [1 / 3, 2 / 3])
