"""Functions with known minima, in the place of an objective: for optimizers apart from networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distnn.optimizers.matrix import Dense
from distnn.optimizers.problem import Evaluation


class Squares:
    """E(w) = Σ r_i(w)² with its derivatives: what an optimizer may ask of an objective. Counts what it is asked.

    residuals(w): r and its Jacobian. curved(w, v): Σ r_i ∇²r_i v.
    """

    def __init__(
        self,
        residuals: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
        curved: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda w, v: np.zeros_like(v),
    ):
        self.residuals, self.curved = residuals, curved
        self.evaluations = 0

    n = 1.0

    def __call__(self, w: np.ndarray, shares: np.ndarray | None = None) -> Evaluation:
        """shares: there is one output, and its share is 1."""
        self.evaluations += 1
        with np.errstate(all="ignore"):
            r, J = self.residuals(w)
            return Evaluation(float(r @ r), 2 * J.T @ r)

    def sample(self, w: np.ndarray, t: int) -> Evaluation:
        return self(w)

    @property
    def decayed(self) -> np.ndarray:
        return np.array([0.0, 1.0])

    is_sum_of_squares = True

    def gauss_newton_megabytes(self) -> float:
        return 1.0

    def output_errors(self, w: np.ndarray) -> np.ndarray:
        return np.array([self(w).E])

    def gauss_newton(self, w: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        J = self.residuals(w)[1]
        return 2 * J.T @ J

    def curvature_megabytes(self, most: float) -> float:
        return self.gauss_newton_megabytes()

    def curvature(self, w: np.ndarray, most: float) -> Dense:
        return Dense(self.gauss_newton(w))

    def acceleration(self, w: np.ndarray, v: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        """2 Jᵀ ∂²r/∂v², by a difference."""
        h = 1e-6
        (_, J), (_, above), (_, below) = (self.residuals(w + step * v) for step in (0.0, h, -h))
        return 2 * J.T @ ((above - below) @ v) / (2 * h)

    def hessian_product(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.gauss_newton(w) @ v + 2 * self.curved(w, v)


class Lost(Squares):
    """Σ w_i², whose gradient is no number where all |w_i| are at most 0.9, although the error goes on falling."""

    def __init__(self) -> None:
        super().__init__(lambda w: (w, np.eye(len(w))))

    def __call__(self, w: np.ndarray, shares: np.ndarray | None = None) -> Evaluation:
        E, G = super().__call__(w)
        return Evaluation(E, G if np.abs(w).max() > 0.9 else np.full_like(G, np.nan))


def quadratic(conditions: float = 100.0, size: int = 6) -> Squares:
    """Minimum 0 at (1, …, 1); the Hessian's eigenvalues lie between 2 and 2 `conditions`, in a basis of their own."""
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))
    A = np.sqrt(np.geomspace(1, conditions, size))[:, None] * basis
    return Squares(lambda w: (A @ (w - 1), A))


def rosenbrock(size: int = 2) -> Squares:
    """Σ 100 (x_{i+1} - x_i²)² + (1 - x_i)²: minimum 0 at (1, …, 1), at the end of a curved valley."""

    def residuals(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        i, k = np.arange(size - 1), size - 1
        J = np.zeros((2 * k, size))
        J[i, i], J[i, i + 1], J[k + i, i] = -20 * w[:-1], 10, -1
        return np.concatenate([10 * (w[1:] - w[:-1] ** 2), 1 - w[:-1]]), J

    def curved(w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.append(-20 * 10 * (w[1:] - w[:-1] ** 2) * v[:-1], 0.0)

    return Squares(residuals, curved)


ROSENBROCK_START = np.array([-1.2, 1.0])
