"""Levenberg-Marquardt for squared error: Newton's method on E_in with the outputs taken as linear in w, and damped.

The step h solves (A + μ I) h = -G with A = (2/n) JᵀJ, and the decay's part. μ follows from the ratio of the fall of E_in to the fall
that the model promised: Nielsen, "Damping parameter in Marquardt's method", IMM-REP-1999-05, Technical University of Denmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.errors import UserError
from distnn.gauss_newton import megabytes
from distnn.objective import Objective
from distnn.optimizers.state import State

DAMPING_LIMIT = 1e10  # in units of the largest diagonal element of A


@dataclass(frozen=True)
class LMState(State):
    """mu: μ of the next step, 0 before the first; nu: what μ is multiplied with if that fails."""

    mu: float
    nu: float


@dataclass(frozen=True)
class LevenbergMarquardt:
    name: ClassVar[str] = "levenberg-marquardt"
    stochastic: ClassVar[bool] = False

    damping: Annotated[float, "Damping at first, in units of the largest diagonal element of JᵀJ."] = 1e-3
    max_megabytes: Annotated[float, "Memory a rank that the matrix of |W| × |W| numbers may take, in MB."] = 2000.0

    def start(self, objective: Objective, w: np.ndarray) -> LMState:
        if megabytes(len(w)) > self.max_megabytes:
            raise UserError("x")
        E, G = objective(w)
        return LMState(w, E, G, 0.0, 2.0)

    def step(self, objective: Objective, state: LMState, t: int) -> LMState:
        A = objective.gauss_newton(state.w)
        largest = float(A.diagonal().max())
        mu, nu = state.mu or self.damping * largest, state.nu
        identity = np.eye(len(A))
        while mu <= DAMPING_LIMIT * largest:
            h = np.linalg.solve(A + mu * identity, -state.G)
            promised = -(state.G @ h + 0.5 * (h @ (A @ h)))
            w = state.w + h
            E, G = objective(w)
            ratio = (state.E - E) / promised if promised > 0 else -1
            if ratio > 0 and np.isfinite(G).all():
                mu *= max(1 / 3, 1 - (2 * ratio - 1) ** 3)
                return LMState(w, E, G, mu, 2.0)
            mu *= nu
            nu *= 2
        return LMState(state.w, state.E, state.G, mu, nu, stuck="no step lowers E_in any more: the damping has reached its limit")
