"""The loop: the lecture's steps, why it stops, which weights it keeps, and what a diverging training leaves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracles
import pytest
from tables import assembled, regression

from distnn.data.sampling import picks
from distnn.errors import DONE, FAILED, STOPPED
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options, criterion, optimizer
from distnn.training.loop import train
from distnn.training.progress import Progress, begin
from distnn.training.record import Record

X, Y = regression(12, d=2)
PLAIN = {"standardise": False, "standardise_targets": False, "hidden": (3,), "output_theta": "identity"}
NAMES = ("tanh", "squared", "identity")


def training(X: Any, Y: Any, weights: Any = None, **options: Any) -> tuple[Progress, list[Record], list[np.ndarray]]:
    """Train on one rank: the progress at the end, and of every iteration its record and its weights."""
    options = {"optimizer": "gradient-descent", "max_iterations": 5, **options}
    chosen = Options(**options)
    assembly = assembled(OneRank(), X, Y, weights, **options)
    progress = begin(assembly.objective, optimizer(chosen), assembly.model.network.w, chosen.window)
    weights_at, records = [], []
    for record in train(
        assembly.objective, optimizer(chosen), criterion(chosen), progress, chosen.evaluate_every, chosen.check_every
    ):
        records.append(record)
        weights_at.append(progress.state.w.copy())
    return progress, records, weights_at


def test_gradient_descent_is_the_lectures() -> None:
    progress, records, w = training(X, Y, eta=0.01, **PLAIN)
    assert [record.t for record in records] == [0, 1, 2, 3, 4, 5]
    data = ((2, 3, 1), X, Y, NAMES)
    expected = w[0]
    for t, record in enumerate(records):
        np.testing.assert_allclose(w[t], expected, rtol=1e-10)
        G = oracles.mean_gradient(expected.tolist(), *data)
        assert record.E_in == pytest.approx(complex(oracles.E_in(expected.tolist(), *data)).real, rel=1e-10)
        assert record.gradient_norm == pytest.approx(float(np.linalg.norm(G)), rel=1e-9)
        if t:
            assert record.step == pytest.approx(float(np.linalg.norm(w[t] - w[t - 1])), rel=1e-12)
        expected = expected - 0.01 * G
    assert math.isnan(records[0].step)
    assert progress.reason is not None
    assert (progress.reason.text, progress.reason.code) == ("t >= 5", DONE)
    assert records[-1].evaluations == 6
    np.testing.assert_array_equal(progress.best_w, w[-1])


@pytest.mark.parametrize("batch_size", [1, 4])
def test_stochastic_gradient_descent_is_the_lectures(batch_size: int) -> None:
    _, records, w = training(X, Y, optimizer="sgd", eta=0.01, batch_size=batch_size, seed=6, **PLAIN)
    expected = w[0]
    for t in range(5):
        chosen = picks(6, t, 12, batch_size)
        expected = expected - 0.01 * oracles.mean_gradient(expected.tolist(), (2, 3, 1), X[chosen], Y[chosen], NAMES)
        np.testing.assert_allclose(w[t + 1], expected, rtol=1e-10)
    every = 12 // batch_size
    data = ((2, 3, 1), X, Y, NAMES)
    for t, record in enumerate(records):
        known = w[t - t % every]
        assert record.E_in == pytest.approx(complex(oracles.E_in(known.tolist(), *data)).real, rel=1e-10)
    assert records[1].evaluations == pytest.approx(0.5 + batch_size / 12)


def test_E_in_of_a_stochastic_training_can_be_asked_for_more_often() -> None:
    _, records, w = training(X, Y, optimizer="sgd", evaluate_every=2, **PLAIN)
    known = [complex(oracles.E_in(v.tolist(), (2, 3, 1), X, Y, NAMES)).real for v in w]
    assert [record.E_in for record in records] == pytest.approx([known[t - t % 2] for t in range(6)], rel=1e-10)


def test_the_improvement_is_taken_over_the_window() -> None:
    _, records, _ = training(X, Y, window=2, eta=0.01)
    E = [record.E_in for record in records]
    assert [math.isnan(record.improvement) for record in records] == [True, True, False, False, False, False]
    for t in range(2, 6):
        assert records[t].improvement == pytest.approx((E[t - 2] - E[t]) / E[t - 2], rel=1e-12)


def test_the_weights_with_the_lowest_E_val_are_kept() -> None:
    generator = np.random.default_rng(1)
    X, Y = generator.normal(size=(30, 4)), generator.normal(size=(30, 1))  # noise: soon learnt by heart
    progress, records, w = training(X, Y, validation=0.4, hidden=(20,), eta=0.2, patience=30, max_iterations=3000)
    E_val = [record.E_val for record in records]
    best = int(np.argmin(E_val))
    assert progress.best_t == best
    assert progress.best_E_val == E_val[best]
    np.testing.assert_array_equal(progress.best_w, w[best])
    assert progress.reason is not None
    assert progress.reason.text == "stale >= 30"
    assert [record.stale for record in records[best:]] == list(range(31))
    assert records[-1].t == best + 30


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"goal": 0.9}, "E_in = .* <= 0.9"),
        ({"min_gradient": 100.0}, "gradient_norm = .* <= 100"),
        ({"min_step": 100.0}, "step = .* <= 100"),
        ({"max_evaluations": 3.0}, "evaluations >= 3"),
        ({"max_seconds": 0.0}, "seconds >= 0"),
        ({"min_improvement": 0.9999, "window": 3}, "improvement = .* <= 0.9999"),
        ({"stop": "t >= 2 and E_in < 100"}, "t >= 2 and E_in = .* < 100"),
        ({"max_iterations": 0}, "t >= 0"),
    ],
)
def test_every_option_that_stops(options: dict[str, Any], text: str) -> None:
    options = {"max_iterations": 200, **options}
    progress, records, _ = training(X, Y, **options)
    assert progress.reason is not None
    with pytest.raises(AssertionError, match=f"^{text}$"):
        raise AssertionError(progress.reason.text)
    assert progress.reason.advice
    assert records[-1].t < 200


@pytest.mark.filterwarnings("error")  # of numpy: P copies of them on a user's terminal
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_that_diverges_keeps_the_last_finite_weights(name: str) -> None:
    """Targets so large that the error overflows sooner or later, whatever the optimizer does."""
    options = {**PLAIN, "optimizer": name, "max_iterations": 40}
    if OPTIMIZERS[name].stochastic:
        options["evaluate_every"] = 1
    if name in ("gradient-descent", "sgd"):
        options["eta"] = 1e200
        progress, records, w = training(X, Y, **options)
        assert progress.reason is not None
        assert progress.reason.code == FAILED
        assert "no longer finite" in progress.reason.text
        assert len(records) < 40
        np.testing.assert_array_equal(progress.best_w, w[progress.best_t])
        assert math.isfinite(records[progress.best_t].E_in)
        assert progress.best_t == len(records) - 2
        return
    progress, _, _ = training(X, Y * 1e140, **options)
    assert np.isfinite(progress.best_w).all()


@pytest.mark.filterwarnings("error")
def test_weights_that_overflow_are_not_kept() -> None:
    """The error and the gradient of a sample are finite still, the step from it is not."""
    options = {**PLAIN, "optimizer": "sgd", "eta": 1e308, "evaluate_every": 1000}
    progress, _, _ = training(X, Y * 100, **options)
    assert progress.reason is not None
    assert progress.reason.code == FAILED
    assert np.isfinite(progress.best_w).all()


@pytest.mark.filterwarnings("error")
def test_with_validation_a_diverged_E_val_is_never_the_best() -> None:
    progress, records, w = training(X, Y, eta=1e200, validation=0.3, seed=2, **PLAIN)
    assert math.isfinite(records[progress.best_t].E_val)
    np.testing.assert_array_equal(progress.best_w, w[progress.best_t])


def test_a_signal_ends_the_step_not_more() -> None:
    chosen = Options(optimizer="gradient-descent", max_iterations=100)
    assembly = assembled(OneRank(), X, Y)
    objective = assembly.objective
    progress = begin(objective, optimizer(chosen), assembly.model.network.w, 10)
    for record in train(objective, optimizer(chosen), criterion(chosen), progress):
        if record.t == 3:
            objective.ranks.stop_request = 10
    assert progress.reason is not None
    assert (progress.reason.text, progress.reason.code) == ("received SIGUSR1", STOPPED)
    assert record.t == 4


def test_a_goal_that_is_met_wins_over_a_signal() -> None:
    chosen = Options(optimizer="gradient-descent", max_iterations=0)
    assembly = assembled(OneRank(), X, Y)
    progress = begin(assembly.objective, optimizer(chosen), assembly.model.network.w, 10)
    assembly.objective.ranks.stop_request = 10
    list(train(assembly.objective, optimizer(chosen), criterion(chosen), progress))
    assert progress.reason is not None
    assert progress.reason.code == DONE


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_weights_given_are_not_changed(name: str) -> None:
    assembly = assembled(OneRank(), X, Y)
    w = assembly.model.network.w
    before = w.copy()
    chosen = Options(optimizer=name, max_iterations=3)
    progress = begin(assembly.objective, optimizer(chosen), w, 10)
    assert len(list(train(assembly.objective, optimizer(chosen), criterion(chosen), progress))) > 1
    np.testing.assert_array_equal(w, before)
    assert not np.array_equal(progress.state.w, before)
