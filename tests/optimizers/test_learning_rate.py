"""The learning rate over the steps."""

from __future__ import annotations

from typing import Any

import pytest

from distnn.optimizers.sgd import StochasticGradientDescent


def test_schedules() -> None:
    def rates(steps: list[int], **settings: Any) -> list[float]:
        return [StochasticGradientDescent(eta=1.0, **settings).rate(t) for t in steps]

    assert rates([0, 10, 10**6]) == [1, 1, 1]
    step = rates([0, 9, 10, 19, 20], schedule="step", decay_steps=10, decay_factor=0.5)
    assert step == [1, 1, 0.5, 0.5, 0.25]
    cosine = rates([0, 5, 10, 99], schedule="cosine", decay_steps=10, decay_factor=0.2)
    assert cosine == pytest.approx([1, 0.6, 0.2, 0.2])
    warm = rates([0, 1, 2, 3, 12, 13], warm_up=3, schedule="step", decay_steps=10, decay_factor=0.5)
    assert warm == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.5])
