"""Probabilities of classes, averaged and bounded: against a dense Laplace approximation, and textbooks' formulas."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distnn
from distnn import UserError, load_model
from distnn.inference.model import Model
from distnn.storage import files

Array = np.ndarray
G = np.random.default_rng(0)
X = G.normal(size=(60, 2))
CODES = (X[:, 0] + 0.7 * G.normal(size=60) > 0).astype(int) + (X[:, 1] + 0.7 * G.normal(size=60) > 0.5)
NAMES = np.array(["low", "middle", "top"])[CODES]
WEIGHTS = G.uniform(0.5, 2, 60)
NEW = 2 * G.normal(size=(9, 2))
Z95 = 1.959963984540054


def model(names: Array = NAMES, **options: Any) -> Model:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = {"intervals": "all", "optimizer": "lbfgs", "max_iterations": 25, "standardise": False, "hidden": (3,)}
        return distnn.fit(X, names, **{**made, **options}).model


def signals(w: Array, X: Array, m: int) -> Array:
    """Of a network 2-3-m with tanh, rows × m; also for complex w."""
    first, second = w[:9].reshape(3, 3), w[9:].reshape(4, m)
    return np.tanh(X @ first[1:] + first[0]) @ second[1:] + second[0]


def probabilities(s: Array) -> Array:
    """Softmax, or of one column the logistic function."""
    e = np.exp(s)
    return e / e.sum(axis=1, keepdims=True) if s.shape[1] > 1 else e / (1 + e)


def gradients(of: Any, w: Array) -> Array:
    """n × m × |W|, by complex steps."""
    return np.stack([of(w + 1e-30j * one).imag / 1e-30 for one in np.eye(len(w))], axis=-1)


def curvature(w: Array, m: int, weights: Array) -> Array:
    """Σ weight JᵀΛJ over X, Λ being diag(p) - ppᵀ, or p (1 - p)."""
    p, J = probabilities(signals(w, X, m)), gradients(lambda w: signals(w, X, m), w)
    H = np.zeros((len(w), len(w)))
    for row, g, weight in zip(p, J, weights, strict=True):
        H += weight * g.T @ (np.diag(row) - np.outer(row, row)) @ g
    return H


@pytest.mark.parametrize("intervals", ["all", "last"])
@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("m", [1, 3])
def test_they_are_those_of_a_dense_laplace_approximation(m: int, decay: float, intervals: str) -> None:
    """Softmax of three classes, and one logistic output of two; weights of rows; the averages, and bounds of 95 %."""
    names, theta = (NAMES, "softmax") if m == 3 else (np.where(CODES > 0, "yes", "no"), "logistic")
    found = model(names, weights=WEIGHTS, weight_decay=decay, output_theta=theta, intervals=intervals)
    w, part = found.network.w, slice(0 if intervals == "all" else 9, None)
    H = curvature(w, m, WEIGHTS)[part, part]
    alpha = 2 * WEIGHTS.sum() * decay if decay else 1.0
    covariance = np.linalg.inv(H + alpha * np.eye(len(H)))
    assert found.certainty is not None
    np.testing.assert_allclose(found.certainty.T.T @ found.certainty.T, covariance, rtol=1e-8, atol=1e-8)

    s, g = signals(w, NEW, m), gradients(lambda w: signals(w, NEW, m), w)[..., part]
    v = np.einsum("ija,ab,ijb->ij", g, covariance, g)
    np.testing.assert_allclose(found(NEW), probabilities(s), rtol=1e-10)
    np.testing.assert_allclose(found.probabilities(NEW), probabilities(s / np.sqrt(1 + np.pi * v / 8)), rtol=1e-7)

    def odds(w: Array) -> Array:
        s = signals(w, NEW, m)
        return (
            s if m == 1 else np.stack([s[:, k] - np.log(np.exp(np.delete(s, k, 1)).sum(axis=1)) for k in range(3)], 1)
        )

    g = gradients(odds, w)[..., part]
    reach = Z95 * np.sqrt(np.einsum("ija,ab,ijb->ij", g, covariance, g))
    expected = [1 / (1 + np.exp(-odds(w).real - way * reach)) for way in (-1, 1)]
    np.testing.assert_allclose(found.bounds(NEW), np.stack(expected, axis=-1), rtol=1e-7)


def test_of_logistic_regression_they_are_the_textbooks() -> None:
    """Bishop, "Pattern recognition and machine learning" (2006), equations 4.143 and 4.153."""
    found = model(np.where(CODES > 0, "yes", "no"), hidden=(), weight_decay=0.02, output_theta="logistic")
    w, ones, Z = found.network.w, np.column_stack([np.ones(60), X]), np.column_stack([np.ones(9), NEW])
    p = 1 / (1 + np.exp(-ones @ w))
    S = np.linalg.inv(2 * 60 * 0.02 * np.eye(3) + ones.T @ ((p * (1 - p))[:, None] * ones))
    kappa = 1 / np.sqrt(1 + np.pi / 8 * np.einsum("ia,ab,ib->i", Z, S, Z))
    np.testing.assert_allclose(found.probabilities(NEW)[:, 0], 1 / (1 + np.exp(-kappa * (Z @ w))), rtol=1e-10)


def test_logistic_outputs_of_three_classes_stand_for_themselves() -> None:
    """Each as if it were alone, but for the hidden units, of which there are none here."""
    found = model(hidden=(), output_theta="logistic", weight_decay=0.02)
    w = found.network.w.reshape(3, 3)
    ones, Z = np.column_stack([np.ones(60), X]), np.column_stack([np.ones(9), NEW])
    for k in range(3):
        p = 1 / (1 + np.exp(-ones @ w[:, k]))
        S = np.linalg.inv(2 * 60 * 0.02 * np.eye(3) + ones.T @ ((p * (1 - p))[:, None] * ones))
        v, s = np.einsum("ia,ab,ib->i", Z, S, Z), Z @ w[:, k]
        expected = 1 / (1 + np.exp(-s / np.sqrt(1 + np.pi / 8 * v)))
        np.testing.assert_allclose(found.probabilities(NEW)[:, k], expected, rtol=1e-9)
        upper = 1 / (1 + np.exp(-s - Z95 * np.sqrt(v)))
        np.testing.assert_allclose(found.bounds(NEW)[:, k, 1], upper, rtol=1e-9)


def test_weights_of_classes_count_as_weights_of_rows() -> None:
    ratio = {"low": 3.0, "middle": 1.0, "top": 1.0}
    by_class = model(weight_decay=0.01, class_weights=tuple(f"{name}={value}" for name, value in ratio.items()))
    by_row = model(weight_decay=0.01, weights=np.array([ratio[name] for name in NAMES]))
    np.testing.assert_allclose(by_class.probabilities(NEW), by_row.probabilities(NEW), rtol=1e-5)


def test_far_from_the_rows_they_are_less_sure_and_never_nonsense() -> None:
    """Where the network is certain to the last bit, too."""
    found = model(weight_decay=1e-4, max_iterations=60)
    far = np.array([[1e3, 1e3], [-1e3, 0.1], [1e150, -1e150]])
    plain, averaged, bounds = found(far), found.probabilities(far), found.bounds(far, 0.99)
    assert (averaged.max(axis=1) < plain.max(axis=1)).all()
    np.testing.assert_allclose(averaged.sum(axis=1), 1)
    assert ((bounds >= 0) & (bounds <= 1)).all()
    assert ((bounds[..., 0] <= plain) & (plain <= bounds[..., 1])).all()
    linear = model(hidden=(), weight_decay=1e-4)
    assert linear(far[2:]).max() == 1
    assert np.isfinite(linear.probabilities(far[:2])).all()
    assert np.isfinite(linear.bounds(far[:2])).all()


def test_in_float32_they_are_nearly_the_same() -> None:
    wide, narrow = (model(weight_decay=0.01, dtype=dtype).probabilities(NEW) for dtype in ("float64", "float32"))
    np.testing.assert_allclose(narrow, wide, rtol=2e-3)


def test_they_are_stored_with_the_model(tmp_path: Path) -> None:
    found, numbers = model(weight_decay=0.01), distnn.fit(X, X[::-1], hidden=(), intervals="all").model
    found.save(tmp_path / "model.safetensors")
    back = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.probabilities(NEW), found.probabilities(NEW))
    np.testing.assert_array_equal(back.bounds(NEW), found.bounds(NEW))
    numbers.save(tmp_path / "numbers.safetensors")
    for name, noise in (("model", np.ones(3)), ("numbers", np.empty(0))):  # classes have none, and numbers have
        tensors, metadata = files.read(tmp_path / f"{name}.safetensors")
        files.write(tmp_path / "bad.safetensors", {**tensors, "certainty_noise": noise}, metadata)
        with pytest.raises(UserError, match=r"bad.safetensors does not hold a model"):
            load_model(tmp_path / "bad.safetensors")


def test_what_cannot_be_asked() -> None:
    found = model(weight_decay=0.01)
    for asked in (found.deviations, lambda X: found.predict(X, return_std=True)):
        with pytest.raises(UserError, match="Classes have no deviations: take `bounds` and `probabilities`"):
            asked(NEW)
    with pytest.raises(UserError, match="trained on numbers, which have no probabilities"):
        distnn.fit(X, X, hidden=(), intervals="all").model.probabilities(NEW)
    plain = model(intervals=None)
    for asked in (plain.bounds, plain.probabilities):
        with pytest.raises(UserError, match="train it with --intervals all"):
            asked(NEW)
    with pytest.raises(UserError, match=r"^probability=[^ ]+: give a probability between 0 and 1"):
        found.bounds(NEW, 95)
