"""Histograms of residuals: every row is in one, or counted."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.report.figures.distribution import histogram


@pytest.mark.parametrize("n", [1, 7, 900, 20_000])
def test_every_row_is_in_a_bin_or_counted(n: int) -> None:
    residuals = np.random.default_rng(n).standard_t(2, n)
    counts, edges, beyond = histogram(residuals)
    assert counts.sum() + beyond == n
    assert ((residuals < edges[0]) | (residuals > edges[-1])).sum() == beyond
    assert beyond == 0 if n < 1000 else 0 < beyond <= 0.003 * n
    assert len(edges) == len(counts) + 1


def test_residuals_that_are_all_the_same() -> None:
    counts, _, beyond = histogram(np.full(5000, 0.25))
    assert (counts.sum(), beyond) == (5000, 0)
