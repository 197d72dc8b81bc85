"""Which optimizer is taken where none is named."""

from __future__ import annotations

from distnn.optimizers import OPTIMIZERS, choose


def test_choice() -> None:
    for weights, error, outputs, name in (
        (100, "squared", 1, "levenberg-marquardt"),
        (1000, "squared", 1, "levenberg-marquardt"),
        (1001, "squared", 1, "lbfgs"),
        (100, "squared", 10, "levenberg-marquardt"),
        (101, "squared", 10, "lbfgs"),
        (100, "cross-entropy", 1, "lbfgs"),
        (10**6, "squared", 1, "lbfgs"),
    ):
        chosen, reason = choose(weights, error, error == "squared", outputs)
        assert chosen == name and chosen in OPTIMIZERS
        assert reason.startswith(name + ", since ") and reason.endswith(".")
