"""Stochastic gradient descent, the lecture's: a step down the gradient of one random example, or of a mini-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.objective import Objective
from distnn.optimizers.state import State


@dataclass(frozen=True)
class StochasticGradientDescent:
    name: ClassVar[str] = "sgd"
    stochastic: ClassVar[bool] = True

    eta: Annotated[float, "Learning rate η_0."] = 0.01

    def start(self, objective: Objective, w: np.ndarray) -> State:
        return State(w, np.nan, np.zeros_like(w))

    def step(self, objective: Objective, state: State, t: int) -> State:
        E, G = objective.sample(state.w, t)
        return State(state.w - self.eta * G, E, G)
