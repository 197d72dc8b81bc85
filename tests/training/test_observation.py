"""The quantities of a record."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from tables import assembled, regression

from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.training.observation import PART, distance, evaluation_interval, improvement, norm


@pytest.mark.parametrize("size", [1, 5, PART, PART + 1, 3 * PART + 7])
def test_norm_and_distance(size: int) -> None:
    v, w = np.random.default_rng(size).normal(size=(2, size))
    assert norm(v) == pytest.approx(np.linalg.norm(v), rel=1e-12)
    assert distance(v, w) == pytest.approx(np.linalg.norm(v - w), rel=1e-12)
    assert distance(v, v) == 0


def test_improvement_is_known_once_the_window_is_full() -> None:
    window = deque([4.0, 3.0], maxlen=3)
    assert math.isnan(improvement(window))
    window.append(1.0)
    assert improvement(window) == 0.75
    window.append(-3.0)
    assert improvement(window) == 2
    window.append(0.0)
    window.append(2.0)
    window.append(1.0)
    assert math.isnan(improvement(window))  # as a share of 0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stochastic_optimizer_is_evaluated_once_per_pass(name: str) -> None:
    objective = assembled(OneRank(), *regression(30), batch_size=4, optimizer="sgd").objective
    optimizer = OPTIMIZERS[name]()
    assert evaluation_interval(objective, optimizer) == (7 if optimizer.stochastic else 1)
    assert evaluation_interval(objective, optimizer, 3) == (3 if optimizer.stochastic else 1)
