"""How sure a model is: the deviation of its predictions, by how well the rows of its training determine the weights.

Around the trained weights the outputs are taken as linear in w, f(w) = f + gᵀ (w - ŵ), and w as N(ŵ, H⁻¹), where H =
Σ_j β_j Σ_i g_ij g_ijᵀ + α is the Hessian of M (optimizers/bayesian.py), but that biases of the outputs have no α in it
(runs/certainty.py). Then f is N(f(ŵ), gᵀ H⁻¹ g), and a new observation of target j has the noise 1/β_j on top: MacKay,
"A practical Bayesian framework for backpropagation networks", Neural Computation 4 (1992), section 2. As 1/β_j is
estimated from residuals with n - γ_j degrees of freedom, both lie around f(ŵ) by Student's t with as many, as they do
in linear regression.

For classes the f are the signals s^(L), and H = Σ_i J_iᵀ Λ_i J_i + α, Λ being the curvature of cross-entropy by them:
the Laplace approximation; `probabilities.py` goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np

from distnn.errors import UserError, shown
from distnn.kernels import student
from distnn.kernels.algebra import symmetric
from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order.gauss_newton import GaussNewton
from distnn.network.second_order.propagation import propagated
from distnn.network.weights import weight_count

FACTOR, NOISE, FREEDOM = "certainty_factor", "certainty_noise", "certainty_freedom"
LARGEST = 5000  # weights of which there may be a factor


@dataclass(frozen=True)
class Certainty:
    """What is known of the weights and of the noise, in the units of the network. Replicated.

    T: lower triangular, TᵀT = H⁻¹, float64 (|W|, |W|), or of the weights of the last layer alone. noise: the 1/β_j,
    float64 (m,); of classes, which have none, (0,). freedom: the degrees of freedom by which each noise is known, the
    n - γ_j, as noise; infinite in files that do not tell.
    """

    T: np.ndarray
    noise: np.ndarray
    freedom: np.ndarray

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to store: of T its lower triangle, row by row."""
        return {FACTOR: self.T[np.tril_indices(len(self.T))], NOISE: self.noise, FREEDOM: self.freedom}

    @staticmethod
    def restore(tensors: Mapping[str, np.ndarray], d: tuple[int, ...]) -> Certainty | None:
        """What `tensors` stored of a network d; None if they hold nothing of it. ValueError if it does not fit."""
        if FACTOR not in tensors:
            return None
        lower, noise = tensors[FACTOR], tensors[NOISE]
        freedom = tensors.get(FREEDOM, np.full_like(noise, math.inf))
        sizes = {size * (size + 1) // 2: size for size in (weight_count(d[-2:]), weight_count(d))}
        if lower.ndim != 1 or len(lower) not in sizes or noise.shape not in ((d[-1],), (0,)):
            raise ValueError("a certainty of another network")
        known = (noise > 0).all() and freedom.shape == noise.shape and (freedom > 0).all()
        if not (lower.dtype == noise.dtype == freedom.dtype == np.float64 and np.isfinite(lower).all() and known):
            raise ValueError("a certainty that is none")
        return Certainty(np.tril(symmetric(lower, sizes[len(lower)])), noise, freedom)

    def variances(
        self, backpropagation: Backpropagation, block: Block, tops: Iterable[np.ndarray] | None = None
    ) -> np.ndarray:
        """gᵀ H⁻¹ g of each output and row, in the units of the network: float64, m × rows. Local.

        backpropagation: with the model's weights loaded. tops: of whatever else, its derivatives by the signals s^(L),
        m × rows each; for classes that is needed.
        """
        squares = GaussNewton(backpropagation, last=len(self.T) < weight_count(backpropagation.d))
        found = propagated(backpropagation, block._replace(weights=None))
        return squares.lengths(found, self.T, tops)

    def reach(self, probability: float) -> np.ndarray:
        """Of each output within how many deviations it lies with this probability: (m,). UserError as `quantile`."""
        return np.array([quantile(probability, freedom) for freedom in self.freedom.tolist()])

    def bounds(self, outputs: np.ndarray, variances: np.ndarray, probability: float) -> np.ndarray:
        """Lower and upper bound of the function, then of a new observation, of each output: m × 4 × rows, float64."""
        t, f = self.reach(probability)[:, None], outputs.astype(np.float64)
        own, new = t * np.sqrt(variances), t * np.sqrt(variances + self.noise[:, None])
        return np.stack([f - own, f + own, f - new, f + new], axis=1)


def quantile(probability: float, freedom: float = math.inf, option: str = "probability=") -> float:
    """t such that Student's t lies within ±t with this probability; if not told otherwise, the normal distribution.

    UserError unless it is between 0 and 1; option: how it was given, for the message.
    """
    if not isinstance(probability, Real) or not 0 < probability < 1:
        said = f"{probability:g}" if isinstance(probability, float) else shown(probability)
        raise UserError(f"{option}{said}: give a probability between 0 and 1, such as 0.95.")
    return student.quantile(probability, freedom)
