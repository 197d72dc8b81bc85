"""Clouds: no row is left out, however many there are."""

from __future__ import annotations

import numpy as np

from distnn.report.clouds import FAINTEST, POINTS, cloud, density, shades
from distnn.report.style import panels


def test_every_row_is_in_a_cell() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 50_000))
    counts, (left, right), (bottom, top) = density(x, y)
    assert counts.sum() == 50_000
    assert (left, right, bottom, top) == (x.min(), x.max(), y.min(), y.max())
    i, j = (int((v - low) / (high - low) * size) for v, low, high, size in
            ((y[7], bottom, top, counts.shape[0]), (x[7], left, right, counts.shape[1])))  # fmt: skip
    assert counts[i, j] >= 1


def test_a_single_row_is_seen() -> None:
    found = shades(np.array([[0.0, 1.0, 10.0, 100.0]]))
    np.testing.assert_allclose(found, [[0, FAINTEST, (1 + FAINTEST) / 2, 1]])
    assert shades(np.array([[0.0, 1.0]])).tolist() == [[0, 1]]


def test_points_where_they_are_few_and_a_picture_where_they_are_many(style: None) -> None:
    for n in (POINTS, POINTS + 1):
        _, [axes] = panels()
        x = np.arange(n, dtype=float)
        said = cloud(axes, x, x)
        assert (len(axes.collections), len(axes.images)) == ((1, 0) if n == POINTS else (0, 1))
        assert ("Each point is a row." in said) == (n == POINTS)
    _, [axes] = panels()
    assert "2 that are not finite are left out" in cloud(axes, np.array([1.0, np.nan, 3]), np.array([np.inf, 1, 2]))
