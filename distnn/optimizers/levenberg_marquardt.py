"""Levenberg-Marquardt for squared error: Newton's method with the outputs taken as linear in w, damped.

A step h solves (A + μ I) h = -G, where A = (2/n) Σ JᵀJ, and the decay's part. μ follows from the gain ratio, of the
fall of E_in to the fall that the model promised: Nielsen, "Damping parameter in Marquardt's method",
IMM-REP-1999-05, Technical University of Denmark.

The outputs are not linear: along h they bend by r = ∂²x^(L)/∂h². The step is h + a/2, where (A + μ I) a = -(2/n) Σ Jᵀr,
the geodesic acceleration of Transtrum and Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear
least-squares minimization", arXiv:1201.5885 (2012). A step with a large bend 2 |a| / |h|, too far for the linear model
and for this correction of it, is not tried: the next trial is h alone, with μ so much larger that it should bend as
much as is allowed. The bend is not measured again: that costs two evaluations, and the bend falls as 1/μ. For the same
reason steps that follow are h alone, with any bend: as many as the bend was times too large, rounded up, at most 4.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Protocol

import numpy as np

from distnn.errors import UserError
from distnn.kernels.algebra import dot, norm
from distnn.kernels.elementary import power
from distnn.optimizers.matrix import SymmetricMatrix
from distnn.optimizers.problem import Evaluation, Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import NO_STEP, State

LARGEST_DAMPING = 1e10  # in units of the largest diagonal element of A
SMALLEST_FACTOR = 0.1  # of μ after a step that went as promised (Nielsen: 1/3)
LARGEST_BEND = 0.75  # of a step: 2 |a| / |h|
TOO_BENT = 2.0, 1000.0  # factor of μ where it is larger, at least and at most
MOST_PLAIN = 4  # steps in a row whose bend is not measured


@dataclass(frozen=True)
class DampedState(State):
    """mu: μ that the next step tries first, 0 before the first step. nu: what μ is multiplied with if that fails.

    plain: how many steps are to come before a bend is measured again.
    """

    mu: float
    nu: float
    plain: int = 0


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Time per step grows with n |W|² and |W|³, memory with |W|²: shared out over the ranks where that is worth it."""

    name: ClassVar[str] = "levenberg-marquardt"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = True
    iterations: ClassVar[int] = 100
    patience: ClassVar[int] = 10
    plateau: ClassVar[int] = 5

    damping: Annotated[float, "Damping μ at first, in units of the largest diagonal element of JᵀJ."] = 1e-3
    max_megabytes: Annotated[float, "Refuse networks whose matrix of |W| × |W| takes more MB a rank."] = 2000.0

    def __post_init__(self) -> None:
        require(self, "damping", above=0)
        require(self, "max_megabytes", above=0)

    def memory(self, weights: int) -> int:
        """None besides JᵀJ."""
        return 0

    def require_room(self, chosen: float, whole: float, weights: int) -> None:
        """UserError if A takes more MB a rank than it may. chosen: as it will be held; whole: on every rank."""
        more = "more ranks, " if chosen < whole else ""
        require_room(self.name, chosen, weights, self.max_megabytes, f"{more}--optimizer lbfgs")

    def start(self, problem: Problem, w: np.ndarray) -> DampedState:
        """The state at w. Collective, replicated. UserError if the error is no sum of squares or |W|² does not fit."""
        require_squares(self.name, problem)
        self.require_room(problem.curvature_megabytes(self.max_megabytes), problem.gauss_newton_megabytes(), len(w))
        E, G = problem(w)
        return DampedState(w, E, G, 0.0, 2.0)

    def step(self, problem: Problem, state: DampedState, t: int) -> DampedState:
        """The state after step t. Collective, replicated."""
        return descend(problem, problem.curvature(state.w, self.max_megabytes), state, self.damping)


class Bending(Protocol):
    """What `descend` asks of a function: E and G at w, and `acceleration`, as a Problem has them."""

    def __call__(self, w: np.ndarray) -> Evaluation: ...

    def acceleration(self, w: np.ndarray, v: np.ndarray) -> np.ndarray: ...


def descend(function: Bending, A: SymmetricMatrix, state: DampedState, damping: float) -> DampedState:
    """The state after one step, in which E falls; stuck where none does. Collective, replicated.

    A: the Gauss-Newton approximation of ∇²E at state.w. damping: the first μ, in units of A's largest diagonal element.
    """
    largest = float(A.diagonal().max())
    mu, nu, plain = state.mu or damping * largest, state.nu, max(state.plain - 1, 0)
    alone, bend = state.plain > 0, 0.0  # alone: h is tried without acceleration
    while 0 < mu <= min(LARGEST_DAMPING * largest, sys.float_info.max):
        L = None  # the factor of a trial that failed gives its memory back before the next one takes as much
        L = A.factor(mu)
        if L is None:  # by rounding
            mu, nu = mu * nu, 2 * nu
            continue
        h = L.solve(-state.G)
        if (state.w + h == state.w).all():
            break
        promised = -(dot(state.G, h) + 0.5 * dot(h, A.times(h)))
        if promised > 0:
            w = state.w + h
            if not alone:
                a = L.solve(-function.acceleration(state.w, h))
                bend = 2 * (norm(a) / norm(h))
                if bend > LARGEST_BEND:
                    times, (least, most) = bend / LARGEST_BEND, TOO_BENT
                    plain = math.ceil(min(times, MOST_PLAIN))
                    mu, bend, alone = mu * min(max(least, times), most), LARGEST_BEND, True
                    continue
                w += 0.5 * a
            E, G = function(w)
            gain = (state.E - E) / promised
            if gain > 0 and np.isfinite(G).all():
                return DampedState(w, E, G, mu * _factor(gain, bend), 2.0, plain)
        mu, nu, alone = mu * nu, 2 * nu, state.plain > 0
    return replace(state, stuck=NO_STEP)


def require_squares(name: str, problem: Problem) -> None:
    """Raise UserError unless E is a sum of squares."""
    if not problem.is_sum_of_squares:
        raise UserError(
            f"{name} needs a sum of squares, and cross-entropy is none: use --error squared, or --optimizer lbfgs."
        )


def require_room(name: str, needed: float, weights: int, most: float, instead: str) -> None:
    """Raise UserError unless the MB needed a rank are at most so many. instead: what to use else."""
    if needed > most:
        raise UserError(
            f"{name} would need about {needed:,.0f} MB a rank for the matrix of {weights:,} × {weights:,} numbers, and "
            f"--max-megabytes allows {most:,.0f}: use {instead}, or a smaller network."
        )


def _factor(gain: float, bend: float) -> float:
    """What μ is multiplied with after a step: Nielsen's factor, but no less than a bend that may grow as 1/μ allows."""
    return max(SMALLEST_FACTOR, 1 - power(2 * gain - 1, 3), bend / LARGEST_BEND)
