"""Gradient descent that finds its own learning rate: η grows while steps succeed, and shrinks until E_in falls enough.

"Enough" is Armijo's condition E(w - η G) ≤ E(w) - c1 η ‖G‖²: Nocedal & Wright, "Numerical Optimization", 2nd ed.,
algorithm 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.kernels.algebra import dot, moved
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import NO_STEP, State

C1 = 0.1  # share of the fall promised by the slope that a step must reach
GROWTH, SHRINKAGE = 1.5, 0.4
TRIALS = 60  # SHRINKAGE^60 = 1e-24


@dataclass(frozen=True)
class AdaptiveState(State):
    """eta: the learning rate that the next step tries first."""

    eta: float


@dataclass(frozen=True)
class AdaptiveGradientDescent:
    """E_in falls in every step, whatever --eta is. A trial that fails costs an evaluation."""

    name: ClassVar[str] = "adaptive-gradient-descent"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 1000
    patience: ClassVar[int] = 200
    plateau: ClassVar[int] = 20

    eta: Annotated[float, "Learning rate η_0."] = 0.1

    def __post_init__(self) -> None:
        require(self, "eta", above=0)

    def memory(self, weights: int) -> int:
        """Bytes, for w and G of a trial."""
        return 2 * 8 * weights

    def start(self, problem: Problem, w: np.ndarray) -> AdaptiveState:
        """The state at w. Collective, replicated."""
        E, G = problem(w)
        return AdaptiveState(w, E, G, self.eta)

    def step(self, problem: Problem, state: AdaptiveState, t: int) -> AdaptiveState:
        """The state after step t. Collective, replicated."""
        eta, square = state.eta, dot(state.G, state.G)
        for _ in range(TRIALS):
            w = moved(state.w, -eta, state.G)
            if (w == state.w).all():
                break
            E, G = problem(w)
            fall = state.E - E  # NaN where E is not a number, which is no fall
            if fall >= C1 * eta * square and np.isfinite(G).all():
                return AdaptiveState(w, E, G, GROWTH * eta)
            eta *= SHRINKAGE
        return AdaptiveState(state.w, state.E, state.G, state.eta, stuck=NO_STEP)
