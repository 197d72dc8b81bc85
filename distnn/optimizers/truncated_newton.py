"""Newton's method in a trust region, its equations solved by conjugate gradients: the Hessian occurs in products only.

A step p lowers the model E + Gᵀp + pᵀHp/2 within ‖p‖ ≤ Δ. The conjugate gradients end at the region's edge, where H
shows negative curvature, or when the residual is small enough for superlinear convergence: Steihaug, "The conjugate
gradient method and trust regions in large scale optimization", SIAM J. Numer. Anal. 20 (1983); Nocedal & Wright,
"Numerical Optimization", 2nd ed., algorithms 4.1 and 7.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.kernels.algebra import dot, norm
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import NO_STEP, State

ACCEPT = 1e-4  # least gain ratio of a step
POOR, GOOD = 0.25, 0.75  # gain ratios below which Δ shrinks, and above which it may grow


@dataclass(frozen=True)
class RegionState(State):
    """radius: Δ that the next step tries first."""

    radius: float


@dataclass(frozen=True)
class TruncatedNewton:
    """Each product with the Hessian costs about two evaluations of E and G, and is counted as such."""

    name: ClassVar[str] = "truncated-newton"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 100
    patience: ClassVar[int] = 10
    plateau: ClassVar[int] = 5

    radius: Annotated[float, "Radius Δ of the trust region at first."] = 1.0
    max_products: Annotated[int, "Most products with the Hessian for one step."] = 200

    def __post_init__(self) -> None:
        require(self, "radius", above=0)
        require(self, "max_products", least=1)

    def memory(self, weights: int) -> int:
        """Bytes, for the conjugate gradients and for products with the Hessian."""
        return 19 * 8 * weights

    def start(self, problem: Problem, w: np.ndarray) -> RegionState:
        """The state at w. Collective, replicated."""
        E, G = problem(w)
        return RegionState(w, E, G, self.radius)

    def step(self, problem: Problem, state: RegionState, t: int) -> RegionState:
        """The state after step t. Collective, replicated."""
        radius = state.radius
        while True:
            p, Hp = solve(lambda v: problem.hessian_product(state.w, v), state.G, radius, self.max_products)
            w = state.w + p
            promised = -(dot(state.G, p) + 0.5 * dot(p, Hp))
            if (w == state.w).all() or not promised > 0:
                return RegionState(state.w, state.E, state.G, state.radius, stuck=NO_STEP)
            E, G = problem(w)
            gain = (state.E - E) / promised if math.isfinite(E) and np.isfinite(G).all() else -math.inf
            length = norm(p)
            if gain < POOR:
                radius = POOR * length
            elif gain > GOOD and length > 0.99 * radius:
                radius *= 2
            if gain > ACCEPT:
                return RegionState(w, E, G, radius)


def solve(
    product: Callable[[np.ndarray], np.ndarray], G: np.ndarray, radius: float, max_products: int
) -> tuple[np.ndarray, np.ndarray]:
    """p that lowers Gᵀp + pᵀHp/2 within ‖p‖ ≤ radius, and Hp. product(v) is H v."""
    p, Hp = np.zeros_like(G), np.zeros_like(G)
    r, d = G, -G  # r: the residual H p + G
    square = dot(r, r)
    share = min(0.5, math.sqrt(math.sqrt(square)))
    enough = share * share * square
    for _ in range(max_products):
        if square <= 0:
            break
        Hd = product(d)
        bend = dot(d, Hd)
        edge = _to_edge(p, d, radius)
        a = square / bend if bend > 0 else math.inf
        p, Hp, r = p + min(a, edge) * d, Hp + min(a, edge) * Hd, r + min(a, edge) * Hd
        before, square = square, dot(r, r)
        if a >= edge or square <= enough:
            break
        d = -r + square / before * d
    return p, Hp


def _to_edge(p: np.ndarray, d: np.ndarray, radius: float) -> float:
    """a ≥ 0 with ‖p + a d‖ = radius, for ‖p‖ ≤ radius."""
    dd, pd, room = dot(d, d), dot(p, d), max(radius * radius - dot(p, p), 0.0)
    root = math.sqrt(pd * pd + dd * room)
    return room / (pd + root) if pd > 0 else (root - pd) / dd
