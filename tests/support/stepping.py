"""Optimizers run on functions and on a small network."""

from __future__ import annotations

from typing import Any

import numpy as np
from tables import assembled, regression

from distnn.optimizers import State
from distnn.parallel.ranks import Ranks


def run(optimizer: Any, function: Any, w: np.ndarray, steps: int) -> State:
    """The state after `steps`, or before, when the optimizer is stuck."""
    state = optimizer.start(function, w)
    for t in range(steps):
        if state.stuck:
            break
        state = optimizer.step(function, state, t)
    return state


def gradients(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(size=(count, 4)))


class Given:
    """An objective whose samples have the gradients given."""

    decayed = np.array([0.0, 1.0, 1.0, 1.0])

    def __init__(self, G: list[np.ndarray]):
        self.G = G

    def sample(self, w: np.ndarray, t: int) -> tuple[float, np.ndarray]:
        return 1.0, self.G[t]


def network(ranks: Ranks, **options: Any) -> tuple[Any, np.ndarray]:
    """An objective and the initial weights."""
    X, Y = regression(50)
    weights = np.random.default_rng(2).uniform(0.5, 2, 50)
    assembly = assembled(ranks, X, Y, weights, hidden=(4,), batch_size=8, weight_decay=1e-4, **options)
    return assembly.objective, assembly.model.network.w.copy()
