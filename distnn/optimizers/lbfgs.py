"""Limited-memory BFGS: Newton's method with an inverse Hessian that is learnt from the last few steps.

Nocedal & Wright, "Numerical Optimization", 2nd ed., algorithms 7.4 and 7.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.line_search import Trial, along, strong_wolfe
from distnn.objective import Objective
from distnn.optimizers.state import State


@dataclass(frozen=True)
class LBFGSState(State):
    """S, Y: the last steps s = w⁺ - w and their changes of gradient y = G⁺ - G, oldest first, pairs × |W|.

    length: ‖s‖ of the last step, the length of the first trial down the gradient.
    """

    S: np.ndarray
    Y: np.ndarray
    length: float


@dataclass(frozen=True)
class LBFGS:
    name: ClassVar[str] = "lbfgs"
    stochastic: ClassVar[bool] = False

    pairs: Annotated[int, "Steps that are remembered; each takes two vectors of length |W|."] = 10
    c1: Annotated[float, "Line search: share of the fall promised by the slope that a step must reach."] = 1e-4
    c2: Annotated[float, "Line search: share of the slope that may be left after a step; above c1, below 1."] = 0.9

    def start(self, objective: Objective, w: np.ndarray) -> LBFGSState:
        E, G = objective(w)
        none = np.empty((0, len(w)))
        return LBFGSState(w, E, G, none, none, 1.0)

    def step(self, objective: Objective, state: LBFGSState, t: int) -> LBFGSState:
        w, E, G, S, Y = state.w, state.E, state.G, state.S, state.Y
        found = self._search(objective, state, S, Y)
        if found is None and len(S):
            S, Y = S[:0], Y[:0]
            found = self._search(objective, state, S, Y)
        if found is None or (found.w == w).all():
            return LBFGSState(w, E, G, S, Y, state.length, stuck="no step lowers E_in any more")
        s, y = found.w - w, found.G - G
        if s @ y > 1e-10 * math.sqrt((s @ s) * (y @ y)):
            S, Y = (np.concatenate([old[-self.pairs + 1 :] if self.pairs>1 else old[:0], new[None]]) for old, new in ((S, s), (Y, y)))
        return LBFGSState(found.w, found.E, found.G, S, Y, math.sqrt(s @ s))

    def _search(self, objective: Objective, state: LBFGSState, S: np.ndarray, Y: np.ndarray) -> Trial | None:
        p = -inverse_hessian_product(S, Y, state.G)
        start = Trial(0.0, state.E, float(state.G @ p), state.w, state.G)
        if not start.slope < 0:
            return None
        a = 1.0 if len(S) else state.length / math.sqrt(p @ p)
        return strong_wolfe(along(objective, state.w, p), start, a, self.c1, self.c2)


def inverse_hessian_product(S: np.ndarray, Y: np.ndarray, v: np.ndarray) -> np.ndarray:
    """H v by the two-loop recursion: H is the BFGS approximation of the inverse Hessian made of the pairs (s, y)."""
    q = v.copy()
    if not len(S):
        return q
    rho = 1 / np.einsum("ij,ij->i", S, Y)
    alpha = np.empty(len(S))
    for i in reversed(range(len(S))):
        alpha[i] = rho[i] * (S[i] @ q)
        q -= alpha[i] * Y[i]
    q /= rho[-1] * (Y[-1] @ Y[-1])
    for i in range(len(S)):
        q += (alpha[i] - rho[i] * (Y[i] @ q)) * S[i]
    return q
