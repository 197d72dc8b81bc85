"""The learning rate of stochastic optimizers as a function of t, and the clipping of their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from distnn.errors import UserError
from distnn.kernels.algebra import norm
from distnn.kernels.elementary import cosine_of_half_turns, power
from distnn.optimizers.settings import require


@dataclass(frozen=True)
class LearningRate:
    """Settings that stochastic optimizers share. t counts steps from 0."""

    eta: Annotated[float, "Learning rate η_0."] = 0.01
    schedule: Annotated[
        Literal["constant", "step", "cosine"],
        "η over the steps t: constant; step: times --decay-factor every --decay-steps; "
        "cosine: falls to --decay-factor η_0 in --decay-steps and stays there.",
    ] = "constant"
    decay_steps: Annotated[int, "Steps of the schedule."] = 1000
    decay_factor: Annotated[float, "Factor of the schedule."] = 0.1
    warm_up: Annotated[int, "Steps over which η first rises from 0."] = 0
    clip: Annotated[float, "Shorten a gradient longer than this to this length; 0: never."] = 0.0

    def __post_init__(self) -> None:
        require(self, "eta", above=0)
        require(self, "decay_steps", least=1)
        require(self, "decay_factor", least=0, most=1)
        require(self, "warm_up", least=0)
        require(self, "clip", least=0)
        if self.schedule not in ("constant", "step", "cosine"):
            raise UserError(f"--schedule {self.schedule}: choose from constant, step, cosine.")

    def rate(self, t: int) -> float:
        """η of step t."""
        if t < self.warm_up:
            return self.eta * (t + 1) / (self.warm_up + 1)
        t -= self.warm_up
        if self.schedule == "step":
            return self.eta * power(self.decay_factor, t // self.decay_steps)
        if self.schedule == "cosine":
            share = (1 + cosine_of_half_turns(min(t / self.decay_steps, 1.0))) / 2
            return self.eta * (self.decay_factor + (1 - self.decay_factor) * share)
        return self.eta

    def clipped(self, G: np.ndarray) -> np.ndarray:
        """G, or a shorter vector in its direction."""
        if not self.clip:
            return G
        length = norm(G)
        return G * (self.clip / length) if length > self.clip else G
