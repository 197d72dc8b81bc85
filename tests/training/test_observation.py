"""What is observed after each iteration."""

from __future__ import annotations

import pytest
from tables import assembled, regression

from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.training.observation import evaluation_interval


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stochastic_optimizer_is_evaluated_once_per_pass(name: str) -> None:
    objective = assembled(OneRank(), *regression(30), batch_size=4, optimizer="sgd").objective
    optimizer = OPTIMIZERS[name]()
    assert evaluation_interval(objective, optimizer) == (7 if optimizer.stochastic else 1)
    assert evaluation_interval(objective, optimizer, 3) == (3 if optimizer.stochastic else 1)
