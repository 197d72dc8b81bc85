"""Small objectives whose second derivatives are looked at."""

from __future__ import annotations

import numpy as np
from tables import assembled, regression, words

from distnn.parallel.ranks import OneRank, Ranks
from distnn.training.objective import Objective

THETA = ("tanh", "logistic", "relu", "identity")


def problem(error: str, output_theta: str, theta: str = "tanh", ranks: Ranks | None = None, n: int = 40) -> Objective:
    """Two hidden layers, three outputs, examples with weights, weight decay."""
    weights = np.random.default_rng(1).uniform(0, 2, n)
    X, Y = words(n) if error == "cross-entropy" else regression(n, m=3)
    return assembled(
        ranks or OneRank(), X, Y, weights, error=error, output_theta=output_theta, theta=theta,
        hidden=(5, 4), weight_decay=0.01, standardise_targets=None if error == "cross-entropy" else True,
    ).objective  # fmt: skip


def weights_for(objective: Objective, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(objective.decayed))
