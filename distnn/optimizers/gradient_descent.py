"""Gradient descent, the lecture's: W^(l) ← W^(l) - η_0 G^(l), exact and over all of D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.objective import Objective
from distnn.optimizers.state import State


@dataclass(frozen=True)
class GradientDescent:
    name: ClassVar[str] = "gradient-descent"
    stochastic: ClassVar[bool] = False

    eta: Annotated[float, "Learning rate η_0."] = 0.1

    def start(self, objective: Objective, w: np.ndarray) -> State:
        E, G = objective(w)
        return State(w, E, G)

    def step(self, objective: Objective, state: State, t: int) -> State:
        w = state.w - self.eta * state.G
        E, G = objective(w)
        return State(w, E, G)
