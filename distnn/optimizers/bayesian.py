"""Bayesian regularisation: Levenberg-Marquardt with a weight decay, and noise levels, that the data decide.

The weights have a prior N(0, 1/α), and each residual r the noise N(0, 1/β) of its output. The likeliest w minimises

    M = Σ_j β_j Σ_i r_ij² / 2 + α Σ w² / 2,   which is n β̄ / 2 times   Σ_j (β_j/β̄) E_j + λ Σ w²,   λ = α / (n β̄),

E_j being the mean square of output j's residuals, β̄ the mean of the β_j, and Σ over all weights, bias rows too. With
the outputs linear in w around it, the Hessian of M is (n β̄ / 2) A, A = (2/n) Σ (β_j/β̄) JᵀJ + 2 λ I, and the evidence,
the probability of the targets once w is integrated out, is largest where

    γ = |W| - 2 λ tr A⁻¹,   α = γ / Σ w²,   β_j = (n - γ_j) / (n E_j),   Σ_j γ_j = γ.

γ counts the weights that the data determine. Groups of weights may have an α each, and a γ: the same with traces and
sums over a group. Those of an input that tells nothing go to 0 then: automatic relevance determination.

One step of Levenberg-Marquardt and one of these follow each other, until γ, the evidence and the gradient have settled:
MacKay, "Bayesian interpolation" and "A practical Bayesian framework for backpropagation networks", Neural Computation 4
(1992); Foresee and Hagan, "Gauss-Newton approximation to Bayesian learning", ICNN 1997. Groups: Neal, "Bayesian
learning for neural networks", 1996.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np

from distnn.errors import UserError
from distnn.kernels.algebra import column_sums, dot, times, total
from distnn.kernels.elementary import applied, value
from distnn.kernels.factors import cholesky, invert
from distnn.optimizers.levenberg_marquardt import DampedState, descend, require_room, require_squares
from distnn.optimizers.matrix import Dense
from distnn.optimizers.problem import Evaluation, Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import State

FLOOR = 2.0**-40  # least noise that is told from none, in units of the mean square at w = 0: a deviation of 1e-6
LARGEST = 1e8  # α: a deviation of 1e-4, as good as 0 beside inputs and targets of deviation 1
ROUNDING = 2.0**-52  # of A's largest diagonal element, times |W|: the least λ that is told from none
MORE_MATRICES = 2  # of |W| × |W|, besides those of Levenberg-Marquardt
SETTLED = "γ, the evidence and the gradient have settled"
NO_NOISE = "the residuals are as good as 0: the targets have no noise, or the network has learnt it by heart"


@dataclass(frozen=True)
class BayesianState(State):
    """E is the mean square of the residuals without the decay, G the gradient with it, at the λ of the last step.

    mu, nu: those of Levenberg-Marquardt, which measures the bend of every step here. alpha, beta: the α of each weight,
    (|W|,), and the β_j, (outputs,), of the last step. errors: E_j at w; least: what counts for at least as an E_j, both
    (outputs,). gamma, evidence: γ and the natural logarithm of the evidence, at the weights before the last step and
    its α and β, which are those of w itself once all has settled; NaN before the first step. rested: did the last step
    of Levenberg-Marquardt find no lower M?
    """

    mu: float
    nu: float
    alpha: np.ndarray
    beta: np.ndarray
    errors: np.ndarray
    least: np.ndarray
    gamma: float
    evidence: float
    rested: bool


@dataclass(frozen=True)
class Bayesian:
    """For small networks with squared error, as Levenberg-Marquardt; no rows need to be held out."""

    name: ClassVar[str] = "bayesian"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = True
    iterations: ClassVar[int] = 500
    patience: ClassVar[int] = 10
    plateau: ClassVar[int] = 0
    excludes: ClassVar[Mapping[str, str]] = {
        "validation": "which learns from all rows, and judges by the evidence",
        "weight_decay": "which finds the decay itself",
    }

    damping: Annotated[float, "Damping μ at first, in units of the largest diagonal element of JᵀJ."] = 1e-3
    max_megabytes: Annotated[float, "Refuse networks whose matrix of |W| × |W| takes more MB a rank."] = 2000.0
    decays: Annotated[
        Literal["one", "groups"],
        "A weight decay for all, or for each input, and for the weights and the biases of each layer.",
    ] = "one"
    noise: Annotated[Literal["each", "one"], "A noise level for each output, or one for all together."] = "each"
    tolerance: Annotated[
        float, "Stop when γ changes by less than this share of |W|, and the evidence and M by less than this for a row."
    ] = 1e-6

    def __post_init__(self) -> None:
        require(self, "damping", above=0)
        require(self, "max_megabytes", above=0)
        require(self, "tolerance", least=0)
        if self.decays not in ("one", "groups"):
            raise UserError(f"--decays {self.decays}: choose from one, groups.")
        if self.noise not in ("each", "one"):
            raise UserError(f"--noise {self.noise}: choose from each, one.")

    def memory(self, weights: int) -> int:
        """Bytes, for matrices besides JᵀJ."""
        return MORE_MATRICES * 8 * weights**2

    def require_room(self, chosen: float, whole: float, weights: int) -> None:
        """UserError if JᵀJ, which is whole on every rank, and the other matrices take more MB than they may."""
        instead = "--optimizer levenberg-marquardt, which shares it out over the ranks"
        require_room(self.name, whole + self.memory(weights) / 1e6, weights, self.max_megabytes, instead)

    def start(self, problem: Problem, w: np.ndarray) -> BayesianState:
        """The state at w. Collective, replicated.

        UserError if the error is no sum of squares, |W|² does not fit, or there is nothing to learn.
        """
        require_squares(self.name, problem)
        whole = problem.gauss_newton_megabytes()
        self.require_room(whole, whole, len(w))
        errors, least = problem.output_errors(w), FLOOR * problem.output_errors(np.zeros_like(w))
        if not least.all():
            raise UserError(
                f"{self.name} has nothing to learn: all values of target {int(np.argmin(least)) + 1} are 0."
            )
        groups = self._groups(problem, w)
        squares, counts = np.bincount(groups, np.square(w)), np.bincount(groups).astype(float)
        alpha = np.divide(counts, squares, out=counts.copy(), where=squares > 0)[groups]
        beta = self._shared(1 / np.maximum(errors, least))
        _, G = Penalised(problem, alpha, beta)(w)
        nothing = math.nan
        return BayesianState(w, total(errors), G, 0.0, 2.0, alpha, beta, errors, least, nothing, nothing, False)

    def step(self, problem: Problem, state: BayesianState, t: int) -> BayesianState:
        """The state after step t. Collective, replicated. UserError where n is too small for γ."""
        M = Penalised(problem, state.alpha, state.beta)
        JJ = problem.gauss_newton(state.w, M.shares)
        found = _curvature(M, JJ, state, self._groups(problem, state.w))
        if found is None:
            return replace(state, stuck="the Gauss-Newton matrix is not finite")
        known = replace(state, gamma=found.gamma, evidence=found.evidence)
        if self._settled(state, found, problem.n):
            return replace(known, stuck=NO_NOISE if (state.errors <= state.least).all() else SETTLED)
        alpha, beta = self._estimated(problem, M, state, found)
        M = Penalised(problem, alpha, beta)
        A = Dense(JJ + np.diag(2 * M.lam))
        moved = descend(M, A, DampedState(state.w, *M(state.w), state.mu, state.nu), self.damping)
        errors = problem.output_errors(moved.w)
        return replace(
            known,
            w=moved.w,
            E=total(errors),
            G=moved.G,
            mu=moved.mu,
            nu=moved.nu,
            alpha=alpha,
            beta=beta,
            errors=errors,
            rested=bool(moved.stuck),
        )

    def _settled(self, state: BayesianState, found: Curvature, n: float) -> bool:
        """Has nothing changed, and would another step lower M by nothing? Or is E as good as 0?"""
        little = self.tolerance * n * len(state.errors)
        if (state.errors <= state.least).all():
            return True
        return (
            abs(found.gamma - state.gamma) <= self.tolerance * len(state.w)
            and abs(found.evidence - state.evidence) <= little
            and (state.rested or found.fall <= little)
        )

    def _estimated(
        self, problem: Problem, M: Penalised, state: BayesianState, found: Curvature
    ) -> tuple[np.ndarray, np.ndarray]:
        """The α and the β_j, re-estimated from γ. Collective, replicated. UserError where n is too small for γ."""
        n, errors = problem.n, np.maximum(state.errors, state.least)
        if self.noise == "one" or len(errors) == 1:
            left = np.array([n * len(errors) - found.gamma])
            beta = np.repeat(left / (n * total(errors)), len(errors))
        else:
            left = n - 2 * M.weighting * problem.output_lengths(state.w, found.T)
            beta = left / (n * errors)
        if not left.min() > 0:
            raise UserError(
                f"{self.name}: the rows count for n = {n:g}, which is too few for the γ = {found.gamma:.6g} weights "
                "that they determine. A row counts for as much as its weight: give larger weights, or leave out "
                "--weights."
            )
        groups = self._groups(problem, state.w)
        squares = np.bincount(groups, np.square(state.w))
        known = ((squares > 0) & (found.gammas > 0))[groups]
        alpha = np.divide(found.gammas[groups], squares[groups], out=state.alpha.copy(), where=known)
        return np.maximum(np.minimum(alpha, LARGEST), found.least * n * _mean(beta)), beta

    def _groups(self, problem: Problem, w: np.ndarray) -> np.ndarray:
        """The number of each weight's group, int (|W|,)."""
        return problem.groups if self.decays == "groups" else np.zeros(len(w), int)

    def _shared(self, beta: np.ndarray) -> np.ndarray:
        """The β_j, or as many times the one that all outputs have."""
        return beta if self.noise == "each" else np.full_like(beta, len(beta) / total(1 / beta))


class Penalised:
    """2 M / (n β̄) as a function of w: what `descend` lowers.

    alpha, lam: α and λ of each weight, (|W|,). weighting: β_j / β̄, (outputs,); shares: the same, or None
    where all are 1.
    """

    def __init__(self, problem: Problem, alpha: np.ndarray, beta: np.ndarray):
        self.problem, self.alpha, self.beta, mean = problem, alpha, beta, _mean(beta)
        self.scale = problem.n * mean / 2
        self.lam, self.weighting = alpha / (2 * self.scale), beta / mean
        self.shares = None if (beta == beta[0]).all() else self.weighting

    def __call__(self, w: np.ndarray) -> Evaluation:
        E, G = self.problem(w, self.shares)
        return Evaluation(E + dot(self.lam, np.square(w)), G + 2 * self.lam * w)

    def acceleration(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return self.problem.acceleration(w, v, self.shares)


class Curvature(NamedTuple):
    """What A = LLᵀ says at w: T = L⁻¹; the γ of each group; the log evidence; how much M would fall in a Newton step;
    the least λ.
    """

    T: np.ndarray
    gammas: np.ndarray
    evidence: float
    fall: float
    least: float

    @property
    def gamma(self) -> float:
        """γ."""
        return total(self.gammas)


def _curvature(M: Penalised, JJ: np.ndarray, state: BayesianState, groups: np.ndarray) -> Curvature | None:
    """JJ: (2/n) Σ JᵀJ with M's shares, at state.w. None where it is not finite. Replicated."""
    largest = float(JJ.diagonal().max())
    least = ROUNDING * len(JJ) * largest / 2
    lam = np.maximum(M.lam, least)
    while math.isfinite(largest) and np.isfinite(lam).all():
        L = cholesky(JJ + np.diag(2 * lam))
        if L is not None:
            break
        least = 10 * float(lam.min())  # float32: JJ has more rounding errors
        lam = np.maximum(lam, least)
    else:
        return None
    T = invert(L)
    undetermined = 2 * lam * column_sums(np.square(T))  # of each weight: 2 λ times A⁻¹'s diagonal element
    gammas = np.maximum(0.0, np.bincount(groups) - np.bincount(groups, undetermined))  # rounded, it may be less
    log_determinant = 2 * _sum_of_logarithms(L.diagonal()) + len(JJ) * value("log", M.scale)
    n, w, errors = M.problem.n, state.w, np.maximum(state.errors, state.least)
    least_M = 0.5 * (n * dot(M.beta, errors) + dot(M.alpha, np.square(w)))
    fits = 0.5 * (n * _sum_of_logarithms(M.beta / (2 * math.pi)) + _sum_of_logarithms(M.alpha))
    step = times(T, state.G)
    return Curvature(T, gammas, fits - least_M - 0.5 * log_determinant, 0.5 * M.scale * dot(step, step), least)


def _sum_of_logarithms(values: np.ndarray) -> float:
    return total(applied("log", values))


def _mean(values: np.ndarray) -> float:
    return total(values) / values.size
