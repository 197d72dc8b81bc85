"""Gradient descent, the lecture's: W^(l) ← W^(l) - η_0 G^(l), exact and over all of D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.kernels.algebra import moved
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import State


@dataclass(frozen=True)
class GradientDescent:
    """A step of fixed η_0 down the gradient; nothing else, so E_in may rise where η_0 is too large."""

    name: ClassVar[str] = "gradient-descent"
    stochastic: ClassVar[bool] = False
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 1000
    patience: ClassVar[int] = 200
    plateau: ClassVar[int] = 100

    eta: Annotated[float, "Learning rate η_0."] = 0.1

    def __post_init__(self) -> None:
        require(self, "eta", above=0)

    def memory(self, weights: int) -> int:
        """None."""
        return 0

    def start(self, problem: Problem, w: np.ndarray) -> State:
        """The state at w. Collective, replicated."""
        E, G = problem(w)
        return State(w, E, G)

    def step(self, problem: Problem, state: State, t: int) -> State:
        """The state after step t. Collective, replicated."""
        w = moved(state.w, -self.eta, state.G)
        E, G = problem(w)
        return State(w, E, G)
