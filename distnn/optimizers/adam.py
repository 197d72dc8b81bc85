"""Adam: steps scaled, weight by weight, by running means of the gradient and its square; AdamW with --decoupled-decay.

Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; Loshchilov & Hutter, "Decoupled
weight decay regularization", ICLR 2019, algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from distnn.kernels.adam import adam_step
from distnn.kernels.elementary import power
from distnn.optimizers.learning_rate import LearningRate
from distnn.optimizers.problem import Problem
from distnn.optimizers.settings import require
from distnn.optimizers.state import State


@dataclass(frozen=True)
class AdamState(State):
    """m, v: running means of the gradient and of its square, (|W|,)."""

    m: np.ndarray
    v: np.ndarray


@dataclass(frozen=True)
class Adam(LearningRate):
    """G is that of the examples of step t."""

    name: ClassVar[str] = "adam"
    stochastic: ClassVar[bool] = True
    squares: ClassVar[bool] = False
    iterations: ClassVar[int] = 1000
    patience: ClassVar[int] = 10
    plateau: ClassVar[int] = 10

    eta: Annotated[float, "Learning rate η_0."] = 0.001
    beta1: Annotated[float, "Share of the mean gradient that is kept."] = 0.9
    beta2: Annotated[float, "Share of the mean square that is kept."] = 0.999
    epsilon: Annotated[float, "Added to the root of the mean square."] = 1e-8
    decoupled_decay: Annotated[
        float, "AdamW: every step takes η times this share off the weights, bias rows left out."
    ] = 0.0

    def __post_init__(self) -> None:
        LearningRate.__post_init__(self)
        require(self, "beta1", least=0, below=1)
        require(self, "beta2", least=0, below=1)
        require(self, "epsilon", above=0)
        require(self, "decoupled_decay", least=0)

    def memory(self, weights: int) -> int:
        """Bytes, for m and v before and after a step."""
        return 4 * 8 * weights

    def start(self, problem: Problem, w: np.ndarray) -> AdamState:
        """The state at w; E is not known yet. Replicated."""
        return AdamState(w, np.nan, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w))

    def step(self, problem: Problem, state: AdamState, t: int) -> AdamState:
        """The state after step t. Collective, replicated."""
        E, G = problem.sample(state.w, t)
        g, rate = self.clipped(G), self.rate(t)
        mean, square = 1 - power(self.beta1, t + 1), 1 - power(self.beta2, t + 1)
        decayed = problem.decayed if self.decoupled_decay else None
        numbers = self.beta1, self.beta2, mean, square, self.epsilon, self.decoupled_decay, rate
        after = adam_step(numbers, state.w, g, state.m, state.v, decayed)
        if after is None:
            m = self.beta1 * state.m + (1 - self.beta1) * g
            v = self.beta2 * state.v + (1 - self.beta2) * g * g
            direction = m / mean / (np.sqrt(v / square) + self.epsilon)
            if decayed is not None:
                direction += self.decoupled_decay * decayed * state.w
            after = state.w - rate * direction, m, v
        w, m, v = after
        return AdamState(w, E, G, m, v)
