"""Long curves keep what is lowest and highest."""

from __future__ import annotations

import numpy as np

from distnn.report.curves import MOST, thinned


def test_short_curves_are_whole() -> None:
    x = np.arange(MOST)
    assert thinned(x, x)[0] is x


def test_of_long_curves_the_extremes_and_the_ends_stay() -> None:
    x = np.arange(100_000.0)
    y = np.random.default_rng(0).normal(size=len(x))
    y[77_777], y[123], y[5000:6000] = 50, -50, np.nan
    kept_x, kept_y = thinned(x, y)
    assert MOST / 2 < len(kept_x) <= MOST + 2
    assert (np.diff(kept_x) > 0).all() and kept_x[0] == 0 and kept_x[-1] == 99_999
    assert (np.nanmax(kept_y), np.nanmin(kept_y)) == (50, -50)
    assert np.isnan(kept_y).any()  # a gap stays a gap
    np.testing.assert_array_equal(kept_y, y[kept_x.astype(int)])
