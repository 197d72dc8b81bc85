"""Do the error bars hold what they promise?"""

from __future__ import annotations

import numpy as np

from distnn.inference.certainty import quantile
from distnn.report.figures import PREDICTIONS
from distnn.report.style import INK, SERIES, legend, panels, shown
from distnn.report.subject import Drawing, Subject

SECTION = PREDICTIONS
PROBABILITIES = np.linspace(0, 1, 101)


def draw(subject: Subject) -> list[Drawing]:
    """The share of observations within the intervals by the probability that these promise, a curve a target."""
    found = subject.intervals
    if found is None:
        return []
    figure, [axes] = panels()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
    for place, k in enumerate(subject.drawn):
        label = shown(subject.targets[k]) if len(subject.targets) > 1 else None
        axes.plot(PROBABILITIES, coverage(found.deviations[:, k], found.freedom[k]), color=SERIES[place], label=label)
    axes.set_xlabel("probability that intervals promise")
    axes.set_ylabel("share of observations within them")
    legend(axes, "upper left")
    caption = (
        f"Coverage of the intervals of a new observation, on {len(found.true):,} rows: on the dotted line they hold "
        f"what they promise, below it they are too narrow, above it too wide.{subject.left_out}"
    )
    return [Drawing("coverage", caption, figure)]


def coverage(deviations: np.ndarray, freedom: float) -> np.ndarray:
    """The share within the interval of each of PROBABILITIES. deviations: (s,), by how many an observation is off, as
    Student's t with so many degrees of freedom.
    """
    reach = [0.0, *(quantile(float(probability), float(freedom)) for probability in PROBABILITIES[1:-1]), np.inf]
    return np.searchsorted(np.sort(np.abs(deviations)), reach, side="right") / len(deviations)
