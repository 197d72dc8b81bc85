"""The distribution of residuals, a figure a target, beside the normal one of the same mean and deviation."""

from __future__ import annotations

import numpy as np

from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, SERIES, drawable, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS
BINS = 60
TAILS = (0.001, 0.999)  # bins go from this quantile to that one; what lies beyond is counted in words


def draw(subject: Subject) -> list[Drawing]:
    """A histogram for each target, in its own units."""
    found = subject.predictions
    if found is None:
        return []
    drawings = []
    for k in subject.drawn:
        residuals = found.predicted[:, k] - found.true[:, k]
        finite = residuals[np.isfinite(drawable(residuals))]
        if not len(finite):
            continue
        counts, edges, beyond = histogram(finite)
        mean, deviation = float(finite.mean()), float(finite.std())
        figure, [axes] = panels()
        axes.stairs(counts, edges, fill=True, color=SERIES[0], alpha=0.75)
        if deviation > 0:
            x = np.linspace(edges[0], edges[-1], 200)
            normal = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
            axes.plot(x, normal * len(finite) * (edges[1] - edges[0]), color=INK, linewidth=1)
        name = shown(subject.targets[k])
        axes.set_xlabel(f"{name}, predicted - true")
        axes.set_ylabel("rows")
        caption = (
            f"{name}: residuals of {found.thinned}, of mean {mean:.4g} and deviation {deviation:.4g}, with the normal "
            "distribution that has these."
        )
        caption += f" {beyond:,} rows lie beyond the figure's ends." * (beyond > 0)
        caption += subject.left_out
        drawings.append(Drawing(f"distribution-{k + 1}", caption, figure))
    return drawings


def histogram(residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows by bin, (bins,), the bins' edges, (bins + 1,), and how many rows lie beyond. residuals: (r,), finite."""
    bins = max(8, min(BINS, int(np.sqrt(len(residuals)))))
    ends = (residuals.min(), residuals.max()) if len(residuals) < 1000 else np.quantile(residuals, TAILS)
    if ends[0] == ends[1]:
        ends = (residuals.min(), residuals.max())
    counts, edges = np.histogram(residuals, bins, range=(float(ends[0]), float(ends[1])))
    return counts, edges, len(residuals) - int(counts.sum())
