"""What each row of the training does to its own prediction: leverages, and the error that leaving it out would show.

h = β gᵀ H⁻¹ g is how far the prediction follows the row's own target: ∂f/∂y. Without the row the residual would be
r / (1 - h), exactly so for a linear model, and to first order for others: Cook and Weisberg, "Residuals and influence
in regression" (1982), section 2.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from distnn.data.preparation import Preparation
from distnn.inference.certainty import Certainty
from distnn.inference.measures import Seen
from distnn.kernels.algebra import row_sums, times


class Leverage:
    """For each of m targets Σ (r / (1 - h))² and Σ h, in the units of the network; rows must be those of the training.

    exponent: what weights were scaled by; a row counts for its weight in h, as in H.
    """

    def __init__(self, certainty: Certainty, preparation: Preparation, exponent: int):
        assert preparation.target_scaling is not None
        self.certainty, self.names, self.exponent = certainty, preparation.targets, exponent
        self.deviation = preparation.target_scaling.divisor
        self.sizes = [1] * (2 * len(self.names))

    def of(self, seen: Seen, variances: np.ndarray) -> np.ndarray:
        """h of each target and row, float64, m × r. Local. variances: of the function, in the units of the network."""
        h: np.ndarray = variances / self.certainty.noise[:, None] * np.ldexp(seen.weights, -self.exponent)
        return np.minimum(h, 1.0)  # rounded, it may be more

    def write(self, seen: Seen, variances: np.ndarray, out: np.ndarray) -> None:
        """A block's sums, (2 m,). Local. variances: as for `of`."""
        h = self.of(seen, variances)
        with np.errstate(divide="ignore", invalid="ignore"):
            left_out = (seen.outputs.astype(np.float64) - seen.y) / (1 - h)
        out[:] = np.concatenate([times(np.square(left_out), seen.weights), row_sums(h)])

    def result(self, sums: np.ndarray, n: float) -> dict[str, dict[str, Any]]:
        """By target: left_out_rmse, in the units of the table or, where transformed, those after that; gamma, Σ h.

        The former is None where it is not finite: a row that alone determines a weight. n: Σ weights.
        """
        squares, gammas = sums.reshape(2, -1)
        rmse = np.sqrt(squares / n) * self.deviation
        return {
            name: {"left_out_rmse": error if math.isfinite(error) else None, "gamma": gamma}
            for name, error, gamma in zip(self.names, rmse.tolist(), gammas.tolist(), strict=True)
        }
