"""Which optimizer is taken where none is named."""

from __future__ import annotations

from distnn.optimizers import OPTIMIZERS, choose


def test_choice() -> None:
    for weights, error, outputs, rows, name in (
        (100, "squared", 1, 1000, "levenberg-marquardt"),
        (1000, "squared", 1, 1000, "levenberg-marquardt"),
        (1001, "squared", 1, 10, "lbfgs"),
        (100, "squared", 10, 1000, "levenberg-marquardt"),
        (101, "squared", 10, 10, "lbfgs"),
        (100, "cross-entropy", 1, 10, "lbfgs"),
        (10**6, "squared", 1, 10, "lbfgs"),
        (100, "squared", 1, 500_000, "levenberg-marquardt"),
        (100, "squared", 1, 500_001, "lbfgs"),
        (100, "squared", 2, 250_001, "lbfgs"),
    ):
        chosen, reason = choose(weights, error, error == "squared", outputs, rows)
        assert chosen == name and chosen in OPTIMIZERS
        assert reason.startswith(name + ", since ") and reason.endswith(".")
    assert choose(385, "squared", True, 1, 100_000)[1] == (
        "lbfgs, since a step of levenberg-marquardt takes 1.5e+10 operations with 385 weights and 1 output on "
        "100,000 rows."
    )
