"""What an optimizer may ask of the function that it minimises: `Problem`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from distnn.optimizers.matrix import SymmetricMatrix


class Evaluation(NamedTuple):
    """E and G = ∇E, float64 (|W|,). Replicated."""

    E: float
    G: np.ndarray


class Problem(Protocol):
    """A function E(w) with its derivatives, as far as an optimizer asks for them; w, v: float64 (|W|,).

    Every method is collective, and takes and returns replicated values: an optimizer need not know that there are
    ranks. `training.objective.Objective` is the one that is trained; any function will do, such as Rosenbrock's.
    """

    def __call__(self, w: np.ndarray, shares: np.ndarray | None = None) -> Evaluation:
        """E and G at w, over all of D.

        shares: of a sum of squares, here and below, what each output's square is multiplied with, float64 (outputs,);
        None for 1.
        """

    def sample(self, w: np.ndarray, t: int) -> Evaluation:
        """Unbiased estimates of E and G at w, from the examples of step t."""

    @property
    def decayed(self) -> np.ndarray:
        """1 for each weight that decays, 0 for those of bias nodes: float64 (|W|,)."""

    @property
    def groups(self) -> np.ndarray:
        """The number, from 0 on, of the group that each weight belongs to, int (|W|,): those of a group are alike."""

    @property
    def is_sum_of_squares(self) -> bool:
        """Whether E is one, as `gauss_newton` and `acceleration` need it."""

    def gauss_newton_megabytes(self) -> float:
        """Memory per rank that `gauss_newton` and solving with its result take. Local."""

    def gauss_newton(self, w: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        """The Gauss-Newton approximation A of ∇²E at w: (|W|, |W|), symmetric."""

    def curvature_megabytes(self, most: float) -> float:
        """Memory per rank that `curvature` and solving with its result take. Local."""

    def curvature(self, w: np.ndarray, most: float) -> SymmetricMatrix:
        """`gauss_newton` at w, shared out over the ranks where that is faster, or more than `most` MB a rank else."""

    @property
    def n(self) -> float:
        """The number of examples, or Σ of their weights."""

    def output_errors(self, w: np.ndarray) -> np.ndarray:
        """Of a sum of squares, the part of E that each output has: float64 (outputs,)."""

    def output_lengths(self, w: np.ndarray, T: np.ndarray) -> np.ndarray:
        """The mean of |T g|² of each output, g being its gradient by the weights at w: float64 (outputs,)."""

    def acceleration(self, w: np.ndarray, v: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        """(2/n) Σ Jᵀ ∂²r/∂v², how the residuals r at w bend along v: (|W|,)."""

    def hessian_product(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(w) v: (|W|,)."""
