"""How sure a model is: the deviation of its predictions, by how well the rows of its training determine the weights.

Around the trained weights the outputs are taken as linear in w, f(w) = f + gᵀ (w - ŵ), and w as N(ŵ, H⁻¹), where
H = Σ_j β_j Σ_i g_ij g_ijᵀ + α is the Hessian of M (optimizers/bayesian.py). Then f is N(f(ŵ), gᵀ H⁻¹ g), and a new
observation of target j has the noise 1/β_j on top: MacKay, "A practical Bayesian framework for backpropagation
networks", Neural Computation 4 (1992), section 2.

For classes the f are the signals s^(L), and H = Σ_i J_iᵀ Λ_i J_i + α,
Λ being the curvature of cross-entropy by them: the Laplace approximation; `probabilities.py` goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from distnn.errors import UserError
from distnn.kernels import normal
from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order.gauss_newton import GaussNewton, square
from distnn.network.weights import weight_count

FACTOR, NOISE = "certainty_factor", "certainty_noise"
LARGEST = 5000  # weights of which there may be a factor


@dataclass(frozen=True)
class Certainty:
    """What is known of the weights and of the noise, in the units of the network. Replicated.

    T: lower triangular, TᵀT = H⁻¹, float64 (|W|, |W|), or of the weights of the last layer alone. noise: the 1/β_j,
    float64 (m,); of classes, which have none, (0,).
    """

    T: np.ndarray
    noise: np.ndarray

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to store: of T its lower triangle, row by row."""
        return {FACTOR: self.T[np.tril_indices(len(self.T))], NOISE: self.noise}

    @staticmethod
    def restore(tensors: Mapping[str, np.ndarray], d: tuple[int, ...]) -> Certainty | None:
        """What `tensors` stored of a network d; None if they hold nothing of it. ValueError if it does not fit."""
        if FACTOR not in tensors:
            return None
        lower, noise = tensors[FACTOR], tensors[NOISE]
        sizes = {size * (size + 1) // 2: size for size in (weight_count(d[-2:]), weight_count(d))}
        if lower.ndim != 1 or len(lower) not in sizes or noise.shape not in ((d[-1],), (0,)):
            raise ValueError("a certainty of another network")
        if not (lower.dtype == noise.dtype == np.float64 and np.isfinite(lower).all() and (noise > 0).all()):
            raise ValueError("a certainty that is none")
        return Certainty(np.tril(square(lower, sizes[len(lower)])), noise)

    def variances(
        self, backpropagation: Backpropagation, block: Block, tops: Iterable[np.ndarray] | None = None
    ) -> np.ndarray:
        """gᵀ H⁻¹ g of each output and row, in the units of the network: float64, m × rows. Local.

        backpropagation: with the model's weights loaded. tops: of whatever else, its derivatives by the signals s^(L),
        m × rows each; for classes that is needed.
        """
        squares = GaussNewton(backpropagation, last=len(self.T) < weight_count(backpropagation.d))
        return squares.lengths(block._replace(weights=None), self.T, tops)


def quantile(probability: float) -> float:
    """z such that N(0, 1) lies within ±z with this probability. UserError unless it is between 0 and 1."""
    if not 0 < probability < 1:
        raise UserError(f"--intervals {probability:g}: give a probability between 0 and 1, such as 0.95.")
    return float(normal.quantile(np.array([0.5 + probability / 2]))[0])


def bounds(outputs: np.ndarray, variances: np.ndarray, noise: np.ndarray, probability: float) -> np.ndarray:
    """Lower and upper bound of the function, then of a new observation, of each output: m × 4 × rows, float64."""
    z, f = quantile(probability), outputs.astype(np.float64)
    own, new = z * np.sqrt(variances), z * np.sqrt(variances + noise[:, None])
    return np.stack([f - own, f + own, f - new, f + new], axis=1)
