"""Optimizers: pure steps with explicit state. To add one: a file here, and its class in OPTIMIZERS.

An optimizer is a frozen dataclass. Its fields are its settings, each annotated with the words that `--help` shows; they
become flags by themselves. It sees replicated numbers only, and nothing of MPI:

    state = optimizer.start(problem, w)       # evaluates at w
    state = optimizer.step(problem, state, t) # returns a new state; t = 0, 1, 2, …

What it may ask of the problem is in problem.py. A state with `stuck` set is the last one: no step was possible.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np

from distnn.optimizers.adam import Adam
from distnn.optimizers.adaptive_gradient_descent import AdaptiveGradientDescent
from distnn.optimizers.bayesian import Bayesian
from distnn.optimizers.choice import choose
from distnn.optimizers.gradient_descent import GradientDescent
from distnn.optimizers.lbfgs import LBFGS
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.optimizers.problem import Problem
from distnn.optimizers.sgd import StochasticGradientDescent
from distnn.optimizers.state import State
from distnn.optimizers.truncated_newton import TruncatedNewton

__all__ = ["OPTIMIZERS", "Optimizer", "State", "choose"]


class Optimizer(Protocol):
    """What the training loop needs of an optimizer.

    name: on the command line. stochastic: whether E and G in its state are those of a sample, not of D. squares:
    whether it has JᵀJ made, work of |W|² for each row. Where the user does not say when to stop: after how many
    iterations; after how many of them E_val is not expected to fall any more (patience; passes over D, if stochastic),
    and E_in, where it has not changed in that time (plateau; its evaluations, if stochastic).

    One that does without options of a training may have `excludes: ClassVar[Mapping[str, str]]`: for each such option
    why, as a relative clause.
    """

    name: ClassVar[str]
    stochastic: ClassVar[bool]
    squares: ClassVar[bool]
    iterations: ClassVar[int]
    patience: ClassVar[int]
    plateau: ClassVar[int]

    def memory(self, weights: int) -> int:
        """Bytes that it takes, for so many weights, beside a plain step down the gradient, JᵀJ and blocks. Local."""

    def start(self, problem: Problem, w: np.ndarray) -> State:
        """The state at the weights w, which are not changed. Collective, replicated."""

    def step(self, problem: Problem, state: Any, t: int) -> State:
        """The state after step t; the one before, of this optimizer, is not changed. Collective, replicated."""


OPTIMIZERS: dict[str, type[Optimizer]] = {
    optimizer.name: optimizer
    for optimizer in (
        GradientDescent,
        AdaptiveGradientDescent,
        LBFGS,
        LevenbergMarquardt,
        Bayesian,
        TruncatedNewton,
        StochasticGradientDescent,
        Adam,
    )
}
