"""Stochastic gradient descent, the lecture's: a step down the gradient of one random example, or of a mini-batch.

With momentum: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.kernels.algebra import moved
from distnn.optimizers.learning_rate import LearningRate
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import State


@dataclass(frozen=True)
class MomentumState(State):
    """velocity: the decaying sum of gradients, (|W|,)."""

    velocity: np.ndarray


@dataclass(frozen=True)
class StochasticGradientDescent(LearningRate):
    """v ← m v + G, w ← w - η v; with Nesterov's look ahead w ← w - η (G + m v). G is that of the examples of step t."""

    name: ClassVar[str] = "sgd"
    stochastic: ClassVar[bool] = True
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 1000
    patience: ClassVar[int] = 10
    plateau: ClassVar[int] = 10

    momentum: Annotated[float, "Share m of the velocity that is kept; 0: plain steps."] = 0.0
    nesterov: Annotated[bool, "Momentum that looks a step ahead."] = False

    def __post_init__(self) -> None:
        LearningRate.__post_init__(self)
        require(self, "momentum", least=0, below=1)

    def memory(self, weights: int) -> int:
        """Bytes, for the velocity before and after a step."""
        return 2 * 8 * weights

    def start(self, problem: Problem, w: np.ndarray) -> MomentumState:
        """The state at w; E is not known yet. Replicated."""
        return MomentumState(w, np.nan, np.zeros_like(w), np.zeros_like(w))

    def step(self, problem: Problem, state: MomentumState, t: int) -> MomentumState:
        """The state after step t. Collective, replicated."""
        E, G = problem.sample(state.w, t)
        g = self.clipped(G)
        velocity = moved(g, self.momentum, state.velocity)
        direction = moved(g, self.momentum, velocity) if self.nesterov else velocity
        return MomentumState(moved(state.w, -self.rate(t), direction), E, G, velocity)
