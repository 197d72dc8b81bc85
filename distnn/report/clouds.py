"""Clouds of points: each of them where they are few, else how many lie where, of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distnn.report.style import SERIES, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 600  # drawn one by one, at most
CELLS = (110, 80)  # of the picture of their density
FAINTEST = 0.18  # how much of the color a cell with one point has


def cloud(axes: Axes, x: np.ndarray, y: np.ndarray) -> str:
    """Draw points (r,), and say how for the caption. What is not finite is left out, and said."""
    x, y = drawable(x), drawable(y)
    finite = np.isfinite(x) & np.isfinite(y)
    lost = "" if finite.all() else f" {int((~finite).sum()):,} that are not finite are left out."
    x, y = x[finite], y[finite]
    if len(x) <= POINTS:
        axes.scatter(x, y, s=9, color=SERIES[0], alpha=0.6, linewidths=0)
        return f"Each point is a row.{lost}"
    counts, (left, right), (bottom, top) = density(x, y)
    picture = np.zeros((*counts.shape, 4))
    picture[..., :3] = [int(SERIES[0][place : place + 2], 16) / 255 for place in (1, 3, 5)]
    picture[..., 3] = shades(counts)
    axes.imshow(picture, extent=(left, right, bottom, top), origin="lower", aspect="auto", interpolation="none")
    return (
        f"The stronger a cell's color, the more of the {len(x):,} rows lie in it, up to {int(counts.max()):,}: none is "
        "left out." + lost
    )


def density(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple[float, float], tuple[float, float]]:
    """How many of the points (r,) lie in each of CELLS cells, rows of y by columns of x, and the ranges of x and y."""
    counts, x_edges, y_edges = np.histogram2d(x, y, bins=CELLS)
    return counts.T, (float(x_edges[0]), float(x_edges[-1])), (float(y_edges[0]), float(y_edges[-1]))


def shades(counts: np.ndarray) -> np.ndarray:
    """How opaque a cell is, from 0 for none to 1 for the most, by the logarithm of its count."""
    most = counts.max()
    if most <= 1:
        return np.where(counts > 0, 1.0, 0.0)
    share = np.log(np.maximum(counts, 1)) / np.log(most)
    return np.where(counts > 0, FAINTEST + (1 - FAINTEST) * share, 0.0)
