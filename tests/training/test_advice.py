"""What to try next, after real trainings on tables that scikit-learn ships; and that it helps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import datasets

import distnn
from distnn.api import Fit
from distnn.optimizers import OPTIMIZERS

DIABETES, CANCER, DIGITS, IRIS = (
    getattr(datasets, f"load_{name}")() for name in ("diabetes", "breast_cancer", "digits", "iris")
)
PROGRESSION = (DIABETES.data, DIABETES.target)
CONCAVITY = (CANCER.data[:, [0, 1, 4, 5]], CANCER.data[:, 6])
FIGURES = (DIGITS.data[:300], DIGITS.target[:300].astype(str))
PETALS = (IRIS.data[:, :2], IRIS.data[:, 2])

COOLED = {"schedule": "cosine", "decay_steps": 100, "decay_factor": 0.0, "batch_size": 30, "eta": 0.1}
AT_REST: dict[str, dict[str, Any]] = {  # how those come to rest that do not by their defaults
    "gradient-descent": {"eta": 0.3},
    "sgd": COOLED,
    "adam": COOLED,
}


def lowest(fitted: Fit) -> float:
    """The lowest E_val of a training."""
    return min(record.E_val for record in fitted.records)


def fit(table: tuple[np.ndarray, np.ndarray], **options: Any) -> Fit:
    return distnn.fit(*table, **options)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_that_can_get_nowhere_stops(name: str) -> None:
    fitted = fit(PETALS, hidden=(), optimizer=name, max_iterations=10_000, **AT_REST.get(name, {}))
    assert fitted.reason.quantity in ("plateau", "stuck")
    bayesian = name == "bayesian"
    assert fitted.reason.advice.startswith("The data determine 3.0 of 3" if bayesian else "E_in no longer falls: ")
    assert "other seed" not in fitted.reason.advice  # without hidden units there is one minimum
    assert not fitted.reason.unfinished
    best = fit(PETALS, hidden=(), optimizer="levenberg-marquardt").records[-1].E_in
    assert fitted.records[-1].E_in == pytest.approx(best, rel=0.02 if bayesian or OPTIMIZERS[name].stochastic else 1e-9)


def test_one_whose_error_does_not_change_in_any_bit_stops_soon_and_went_the_same_way() -> None:
    """By its plateau or stuck, whichever the last bits make it: they differ from one kind of CPU to another."""
    fitted = fit(FIGURES, hidden=(10,))
    errors = [record.E_in for record in fitted.records]
    lasted = len(errors) - errors.index(min(errors))
    assert fitted.reason.quantity in ("plateau", "stuck")
    assert lasted <= 3 * OPTIMIZERS["lbfgs"].plateau + 1
    goes_on = fit(FIGURES, hidden=(10,), plateau=0, max_iterations=len(errors) + 4)
    assert [record.E_in for record in goes_on.records[: len(errors)]] == errors


def test_overfitting() -> None:
    """It ends by itself, with the weights of the lowest E_val; each thing that is advised lowers that."""
    fitted = fit(PROGRESSION, hidden=(30,), validation=0.2, weight_decay=0.0)
    best, last = lowest(fitted), fitted.records[-1]
    assert fitted.reason.quantity == "stale"
    assert last.stale == OPTIMIZERS["levenberg-marquardt"].patience
    assert last.E_val > 1.5 * best
    assert fitted.reason.advice.startswith(f"Overfitting: after t = {last.t - last.stale} E_in fell from ")
    assert f"E_val rose from {best:.3g} to {last.E_val:.3g}" in fitted.reason.advice
    adam = {"optimizer": "adam", "decoupled_decay": 1.0, "eta": 0.01, "batch_size": 20}
    for word, change in (
        ("weight_decay=0.001 or more", {"weight_decay": 0.01}),
        ("fewer hidden units", {"hidden": (3,)}),
        ("decoupled_decay=1", adam),
    ):
        assert word in fitted.reason.advice
        assert lowest(fit(PROGRESSION, **{"hidden": (30,), "validation": 0.2, **change})) < best, word


def test_overfitting_of_a_stochastic_training_that_decays_already() -> None:
    options = {"optimizer": "adam", "eta": 0.01, "batch_size": 20, "weight_decay": 1e-5}
    reason = fit(PROGRESSION, hidden=(30,), validation=0.2, **options).reason
    assert reason.quantity == "stale"
    assert reason.advice.startswith("Overfitting: ")
    assert "Try a weight_decay above 1e-05," in reason.advice


def test_underfitting() -> None:
    fitted = fit(CONCAVITY, hidden=(), validation=0.2)
    assert fitted.reason.advice.startswith("Underfitting, if the inputs say more about the targets: E_in and E_val, ")
    assert "Try more hidden units." in fitted.reason.advice
    assert lowest(fit(CONCAVITY, hidden=(8,), validation=0.2)) < 0.6 * lowest(fitted)


def test_underfitting_by_too_much_decay() -> None:
    fitted = fit(FIGURES, hidden=(10,), validation=0.2, weight_decay=0.1)
    assert fitted.reason.advice.startswith("Underfitting, ")
    assert "a weight_decay below 0.1" in fitted.reason.advice
    assert lowest(fit(FIGURES, hidden=(10,), validation=0.2, weight_decay=0.001)) < 0.5 * lowest(fitted)


def test_learnt_by_heart() -> None:
    assert "are learnt by heart" in fit(FIGURES, hidden=(10,), fit_exactly=True).reason.advice
    table = (np.vstack([PROGRESSION[0][:60]] * 6), np.hstack([PROGRESSION[1][:60]] * 6))  # each row six times
    reason = fit(table, hidden=(10,), validation=0.2).reason
    assert reason.advice == "Nothing: E_in and E_val are as good as 0."


@pytest.mark.parametrize("table", [PROGRESSION, (IRIS.data, IRIS.target.astype(str))])
def test_no_other_seed_is_advised_where_there_is_one_minimum(table: tuple[np.ndarray, np.ndarray]) -> None:
    """Ridge regression, which is chosen for few rows, and logistic regression."""
    options = {"hidden": (), "weight_decay": 0.01, "optimizer": "lbfgs", "max_iterations": 1000}
    fitted = fit(table, **options)
    assert "without hidden units it has one minimum, where every seed ends" in fitted.reason.advice
    assert fit(table, **options, seed=3).records[-1].E_in == pytest.approx(fitted.records[-1].E_in, rel=1e-6)


def test_a_plateau_where_other_seeds_and_more_units_end_lower() -> None:
    options = {"hidden": (2,), "optimizer": "lbfgs"}
    fitted = fit(PROGRESSION, **options)
    assert fitted.reason.quantity in ("plateau", "stuck")
    assert "Other seed values or more hidden units may end lower." in fitted.reason.advice
    for change in ({"seed": 1}, {"hidden": (4,)}):
        assert fit(PROGRESSION, **{**options, **change}).records[-1].E_in < fitted.records[-1].E_in


def test_outputs_that_are_bent_may_have_other_minima_without_hidden_units() -> None:
    fitted = fit(PROGRESSION, hidden=(), output_theta="tanh", optimizer="lbfgs", max_iterations=1000)
    assert "Other seed values or more hidden units may end lower." in fitted.reason.advice


def test_a_learning_rate_that_is_too_small() -> None:
    fitted = fit(PROGRESSION, hidden=(2,), optimizer="gradient-descent", eta=1e-18)
    assert (fitted.reason.text, fitted.records[-1].t) == ("plateau >= 100", 199)
    assert fit(PROGRESSION, hidden=(2,), eta=1e-18, plateau=0, max_iterations=250).reason.quantity == "t"
    assert "an eta that does not fit, 1e-18. Try optimizer='lbfgs'" in fitted.reason.advice
    lbfgs = fit(PROGRESSION, hidden=(2,), optimizer="lbfgs", max_iterations=20)
    assert lbfgs.records[-1].E_in < 0.5 * fitted.records[-1].E_in


def test_an_error_that_still_falls() -> None:
    fitted = fit(FIGURES, hidden=(10,), optimizer="gradient-descent", max_iterations=150)
    assert fitted.reason.unfinished
    was, now = fitted.records[-101].E_in, fitted.records[-1].E_in
    assert fitted.reason.advice == (
        f"E_in was still falling, from {was:.3g} to {now:.3g} in the last 100 iterations: go on with "
        "network=fit.model.network and a higher max_iterations."
    )


@pytest.mark.parametrize(("name", "words"), [("gradient-descent", "than 50, or an"), ("sgd", "than 50, clip=1, or")])
def test_numbers_that_are_no_longer_finite(name: str, words: str) -> None:
    fitted = fit(PROGRESSION, optimizer=name, eta=50.0)
    assert fitted.reason.quantity == "diverged"
    assert f"Try a smaller eta {words}" in fitted.reason.advice
    assert np.isfinite(fitted.model.network.w).all()
    for better in ({"eta": 0.01}, {"optimizer": "lbfgs"}, {"optimizer": "adaptive-gradient-descent"}):
        chosen = {"optimizer": name, **better, "max_iterations": 40}
        assert math.isfinite(fit(PROGRESSION, **chosen).records[-1].E_in)


def test_numbers_that_are_not_finite_from_the_beginning() -> None:
    table = (PROGRESSION[0], PROGRESSION[1] * 1e200)
    reason = fit(table, hidden=(3,), standardise_targets=False).reason
    assert reason.advice.startswith("The error of the initial weights is not finite: look for huge numbers")
    assert fit(table, hidden=(3,), max_iterations=3).reason.quantity == "t"


def test_a_goal_is_left_alone() -> None:
    reason = fit(PROGRESSION, hidden=(3,), validation=0.2, goal=0.5).reason
    assert reason.quantity == "E_in"
    assert reason.advice.startswith("The goal is reached.")
