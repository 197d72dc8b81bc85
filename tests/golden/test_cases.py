"""The golden trainings: what they cover, and that a wrong bit in what they compute changes their hash."""

from __future__ import annotations

import numpy as np
import pytest
from availability import need_instructions, use_instructions

from distnn.golden.cases import CASES, TASKS, digest
from distnn.network.activations import ACTIVATIONS
from distnn.optimizers import OPTIMIZERS


def test_they_cover_every_optimizer_task_and_activation() -> None:
    options = [case.options for case in CASES.values()]
    assert {option.get("optimizer") for option in options} == set(OPTIMIZERS)
    assert {case.task for case in CASES.values()} == set(TASKS)
    thetas = {name for name, theta in ACTIVATIONS.items() if theta.chain is not None}
    assert {option.get("theta", "tanh") for option in options} == thetas
    assert {option.get("dtype", "float64") for option in options} == {"float64", "float32"}


@pytest.mark.parametrize(
    ("place", "touched"),
    [
        ("distnn.optimizers.lbfgs.dot", "lbfgs float64"),
        ("distnn.kernels.factors.solve", "levenberg-marquardt float64"),
        ("distnn.optimizers.bayesian.invert", "bayesian float64"),
        ("distnn.optimizers.truncated_newton.dot", "truncated-newton float32"),
        ("distnn.kernels.algebra.column_sums", "classes lbfgs float32"),
    ],
)
def test_one_bit_changes_the_hash(place: str, touched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = place.rsplit(".", 1)
    before = digest(CASES[touched]), digest(CASES["adam float64"])
    function = getattr(__import__(module, fromlist=[name]), name)
    monkeypatch.setattr(place, lambda *arguments: np.nextafter(function(*arguments), np.inf))
    assert digest(CASES[touched]) != before[0]
    monkeypatch.undo()
    assert digest(CASES["adam float64"]) == before[1]


def test_numpy_alone_has_other_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    before = digest(CASES["lbfgs float64"])
    use_instructions("off", monkeypatch)
    assert digest(CASES["lbfgs float64"]) != before
