"""How well a model's intervals hold: the share of observations within them, and how likely it thought these."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.preparation import Preparation
from distnn.inference.certainty import Certainty
from distnn.inference.measures import Seen
from distnn.kernels.algebra import times
from distnn.kernels.elementary import applied
from distnn.kernels.student import log_density

PROBABILITY = 0.95  # of the intervals


class Coverage:
    """For each of m targets: Σ of 1 within the 95 % interval of a new observation and 0 outside, and Σ ln p(y).

    With the examples' weights. p is that of Student's t with the certainty's degrees of freedom, around the prediction,
    times the deviation of the function and of the noise; of a target as the table has it or, where it was transformed,
    after that.
    """

    def __init__(self, certainty: Certainty, preparation: Preparation):
        assert preparation.target_scaling is not None
        self.certainty, self.names = certainty, preparation.targets
        self.deviation = preparation.target_scaling.divisor
        self.sizes = [1] * (2 * len(self.names))

    def write(self, seen: Seen, variances: np.ndarray, out: np.ndarray) -> None:
        """A block's sums, (2 m,). Local. variances: of the function, m × r, in the units of the network."""
        total = variances + self.certainty.noise[:, None]
        t = (seen.outputs.astype(np.float64) - seen.y) / np.sqrt(total)
        density = np.stack([log_density(*pair) for pair in zip(t, self.certainty.freedom.tolist(), strict=True)])
        density -= 0.5 * applied("log", total) + applied("log", self.deviation)[:, None]
        within = np.abs(t) <= self.certainty.reach(PROBABILITY)[:, None]
        out[:] = np.concatenate([times(within.astype(np.float64), seen.weights), times(density, seen.weights)])

    def result(self, sums: np.ndarray, n: float) -> dict[str, dict[str, Any]]:
        """By target: coverage, the share, and log_density, the mean of ln p. n: Σ weights."""
        shares, densities = (sums / n).reshape(2, -1).tolist()
        return {
            name: {"coverage": share, "log_density": density}
            for name, share, density in zip(self.names, shares, densities, strict=True)
        }
