"""Limited-memory BFGS: Newton's method with an inverse Hessian that is learnt from the last few steps.

Nocedal & Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.errors import UserError
from distnn.kernels.algebra import Rows, combination, dot, norm, times
from distnn.optimizers.line_search import Trial, along, strong_wolfe
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import NO_STEP, State

FIRST_LENGTH = 1.0  # ‖s‖ of the first trial
FLAT = 1e-10  # a pair with less curvature than this, relative to its lengths, teaches nothing


@dataclass(frozen=True)
class LBFGSState(State):
    """S, Y: the last steps s = w⁺ - w and their changes of gradient y = G⁺ - G, oldest first: pairs × |W|.

    T: the inverse of R, the products s_iᵀ y_j for i ≤ j and 0 elsewhere, (pairs, pairs).
    length: ‖s‖ of the last step; a step down the gradient tries this length first.
    """

    S: Rows
    Y: Rows
    T: np.ndarray
    length: float


@dataclass(frozen=True)
class LBFGS:
    """Each step satisfies the strong Wolfe conditions, and costs one evaluation or a few.

    Where no step along p = -H G does, the pairs are forgotten, and the search goes down the gradient.
    """

    name: ClassVar[str] = "lbfgs"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 1000
    patience: ClassVar[int] = 50
    plateau: ClassVar[int] = 10

    pairs: Annotated[int, "Steps to remember, of two vectors of length |W| each."] = 20
    c1: Annotated[float, "Line search: least share of the fall promised by the slope."] = 1e-4
    c2: Annotated[float, "Line search: largest share of the slope that may be left; above c1."] = 0.9

    def __post_init__(self) -> None:
        require(self, "pairs", least=1)
        require(self, "c1", above=0, below=1)
        require(self, "c2", above=0, below=1)
        if self.c1 >= self.c2:
            raise UserError(f"--c1 {self.c1:g} --c2 {self.c2:g}: c1 must be below c2.")

    def memory(self, weights: int) -> int:
        """Bytes, for the pairs, and p and G of a trial."""
        return (2 * self.pairs + 2) * 8 * weights

    def start(self, problem: Problem, w: np.ndarray) -> LBFGSState:
        """The state at w. Collective, replicated."""
        E, G = problem(w)
        return LBFGSState(w, E, G, Rows(), Rows(), np.empty((0, 0)), FIRST_LENGTH)

    def step(self, problem: Problem, state: LBFGSState, t: int) -> LBFGSState:
        """The state after step t. Collective, replicated."""
        S, Y, T = state.S, state.Y, state.T
        found = self._search(problem, state, S, Y, T)
        if found is None and len(S):
            S, Y, T = Rows(), Rows(), T[:0, :0]
            found = self._search(problem, state, S, Y, T)
        if found is None:
            return LBFGSState(state.w, state.E, state.G, S, Y, T, state.length, stuck=NO_STEP)
        s, y = found.w - state.w, found.G - state.G
        square = dot(s, s)
        if dot(s, y) > FLAT * math.sqrt(square * dot(y, y)):
            S, Y, T = remember(S, Y, T, s, y, self.pairs)
        return LBFGSState(found.w, found.E, found.G, S, Y, T, math.sqrt(square))

    def _search(self, problem: Problem, state: LBFGSState, S: Rows, Y: Rows, T: np.ndarray) -> Trial | None:
        p = -inverse_hessian_product(S, Y, T, state.G)
        start = Trial(0.0, state.E, dot(state.G, p), state.w, state.G)
        if not start.slope < 0:
            return None
        a = 1.0 if len(S) else state.length / norm(p)
        found = strong_wolfe(along(problem, state.w, p), start, a, self.c1, self.c2)
        return None if found is None or (found.w == state.w).all() else found


def inverse_hessian_product(S: Rows, Y: Rows, T: np.ndarray, v: np.ndarray) -> np.ndarray:
    """H v by the two-loop recursion, H being the inverse Hessian that the pairs S, Y teach.

    Each loop solves triangular equations: the first α_i = ρ_i s_iᵀ(v - Σ_{j>i} α_j y_j), which is R α = S v; the second
    Rᵀ c = D α - Y q, D being the diagonal of R. Both are products with T = R⁻¹.
    """
    if not len(S):
        return v.copy()
    D = 1 / T.diagonal()
    alpha = times(T, S.times(v))
    q, y = v - Y.combined(alpha), Y.vectors[-1]
    q *= D[-1] / dot(y, y)
    q += S.combined(combination(D * alpha - Y.times(q), T))
    return q


def remember(
    S: Rows, Y: Rows, T: np.ndarray, s: np.ndarray, y: np.ndarray, pairs: int
) -> tuple[Rows, Rows, np.ndarray]:
    """S, Y and T with the pair s, y, and the oldest forgotten if there are `pairs` already.

    The inverse of an upper triangular [R r; 0 ρ] is [T -T r/ρ; 0 1/ρ]; without R's first row and column, it is T
    without them.
    """
    first, rho = max(0, len(S) + 1 - pairs), dot(s, y)
    T = T[first:, first:]
    inverse = np.zeros((len(T) + 1, len(T) + 1))
    inverse[:-1, :-1] = T
    inverse[:-1, -1] = times(T, S.times(y)[first:]) / -rho
    inverse[-1, -1] = 1 / rho
    return S.followed_by(s, pairs), Y.followed_by(y, pairs), inverse
