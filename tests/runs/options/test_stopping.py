"""Options that stop a training."""

from __future__ import annotations

import pytest

from distnn.runs.options import Options, criterion
from distnn.training.record import Record


def test_any_criterion_stops() -> None:
    record = Record(
        t=10, E_in=0.5, gradient_norm=0.1, step=0.1, improvement=0.01, plateau=5, stale=3, evaluations=9, seconds=7
    )
    assert criterion(Options())(record) is None
    for name, value in {
        "max_iterations": 10,
        "goal": 0.5,
        "min_improvement": 0.02,
        "min_gradient": 0.2,
        "min_step": 0.2,
        "patience": 3,
        "plateau": 5,
        "max_evaluations": 8.0,
        "max_seconds": 6.5,
        "stop": "t > 9 and stale > 2",
    }.items():
        assert criterion(Options(**{name: value}))(record) is not None, name


def test_of_several_that_are_met_the_reason_is_always_the_same() -> None:
    record = Record(t=10, E_in=0.5, gradient_norm=0.1, improvement=0.01, evaluations=9)
    reason = criterion(Options(goal=0.5, min_improvement=0.02, min_gradient=0.2, max_evaluations=8))(record)
    assert reason is not None
    assert reason.text == "E_in <= 0.5"


@pytest.mark.parametrize("name", ["min_improvement", "min_gradient", "min_step", "patience", "plateau"])
def test_a_limit_of_zero_that_means_never_stops_nothing(name: str) -> None:
    record = Record(t=10, E_in=0.5, gradient_norm=0.0, improvement=0.0, step=0.0, stale=9, plateau=9)
    assert criterion(Options(**{name: 0}))(record) is None
    assert criterion(Options(goal=0))(Record(t=1, E_in=0.0)) is not None
