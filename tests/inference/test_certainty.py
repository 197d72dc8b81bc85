"""How sure a model is: against scikit-learn's linear ones, and a dense Jacobian; in the table's units; stored."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.linear_model import BayesianRidge

import distnn
from distnn import UserError, load_model
from distnn.inference.certainty import Certainty, quantile
from distnn.inference.model import Model
from distnn.storage import files

RAW = {"standardise": False, "standardise_targets": False}
G = np.random.default_rng(0)
X = G.normal(size=(60, 3))
ONES = np.column_stack([np.ones(60), X])
Y = np.column_stack([X @ [1, -2, 0.3] + 1 + 0.2 * G.normal(size=60), X @ [0.5, 1, 2] - 7 + 3 * G.normal(size=60)])
WEIGHTS = G.uniform(0.5, 2, 60)
NEW = G.normal(size=(7, 3)) * 3


def model(Y: np.ndarray = Y, weights: Any = None, **options: Any) -> Model:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return distnn.fit(X, Y, weights=weights, **{"intervals": "all", **options}).model


def test_without_hidden_layers_it_is_bayesian_ridge_regressions() -> None:
    found = model(Y[:, :1], hidden=(), optimizer="bayesian", tolerance=1e-14, **RAW)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    theirs = BayesianRidge(max_iter=10_000, tol=1e-14, fit_intercept=False, **flat).fit(ONES, Y[:, 0])
    Z = np.column_stack([np.ones(7), NEW])
    mean, deviation = theirs.predict(Z, return_std=True)
    ours, std = found.predict(NEW, return_std=True)
    np.testing.assert_allclose(ours[:, 0], mean, rtol=1e-8)
    assert found.certainty is not None
    np.testing.assert_allclose(1 / found.certainty.noise, theirs.alpha_, rtol=1e-8)
    H = np.linalg.inv(found.certainty.T.T @ found.certainty.T)  # in which the constant has no α, as it has there
    for own, of in ((std[:, 0], H), (deviation, H + np.diag([theirs.lambda_, 0, 0, 0]))):
        variances = np.einsum("ij,jk,ik->i", Z, np.linalg.inv(of), Z) + 1 / theirs.alpha_
        np.testing.assert_allclose(own, np.sqrt(variances), rtol=1e-8)
    np.testing.assert_array_equal(found.predict(NEW), ours)


@pytest.mark.parametrize("way", [{"weight_decay": 1e6, "optimizer": "lbfgs"}, {"optimizer": "bayesian"}])
@pytest.mark.parametrize("hidden", [(), (2,)])
def test_where_inputs_say_nothing_the_mean_of_the_targets_is_as_uncertain_as_it_is(
    hidden: tuple[int, ...], way: dict[str, Any]
) -> None:
    """Its standard error is s / √n, however small all weights are."""
    y = 5 + np.random.default_rng(1).normal(size=60)
    own, _ = model(y, hidden=hidden, **way).deviations(X)
    np.testing.assert_allclose(own, y.std(ddof=1) / np.sqrt(60), rtol=1e-5 if "weight_decay" in way else 0.01)


@pytest.mark.parametrize("weighted", [False, True])
def test_of_least_squares_it_is_what_textbooks_have(weighted: bool) -> None:
    """s² (ZᵀZ)⁻¹, s² = Σ r² / (n - p), of each target with its own noise, although the shares in the fit were equal."""
    c = WEIGHTS if weighted else np.ones(60)
    found = model(weights=c if weighted else None, hidden=(), optimizer="levenberg-marquardt")
    own, observed = found.deviations(NEW)
    Z, inverse = np.column_stack([np.ones(7), NEW]), np.linalg.inv(ONES.T @ (c[:, None] * ONES))
    residuals = Y - ONES @ (inverse @ ONES.T @ (c[:, None] * Y))
    s2 = (c[:, None] * residuals**2).sum(axis=0) / (c.sum() - 4)
    variances = np.einsum("ij,jk,ik->i", Z, inverse, Z)[:, None] * s2
    np.testing.assert_allclose(own, np.sqrt(variances), rtol=1e-8)
    np.testing.assert_allclose(observed, np.sqrt(variances + s2), rtol=1e-8)
    bounds = found.bounds(NEW, 0.9)
    mean = found(NEW)
    t = student.ppf(0.95, c.sum() - 4)
    expected = [mean - t * own, mean + t * own, mean - t * observed, mean + t * observed]
    np.testing.assert_allclose(bounds, np.stack(expected, axis=-1), rtol=1e-9)
    assert found.bounds(NEW[:0]).shape == (0, *bounds.shape[1:])


def outputs(w: np.ndarray, X: np.ndarray, hidden: int, m: int) -> np.ndarray:
    first, second = w[: 4 * hidden].reshape(4, hidden), w[4 * hidden :].reshape(hidden + 1, m)
    return np.tanh(X @ first[1:] + first[0]) @ second[1:] + second[0]


def jacobian(w: np.ndarray, X: np.ndarray) -> np.ndarray:
    """n × 2 × |W|, by complex steps."""
    return np.stack([outputs(w + 1e-30j * one, X, 3, 2).imag / 1e-30 for one in np.eye(len(w))], axis=-1)


@pytest.mark.parametrize("intervals", ["all", "last"])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_of_hidden_layers_it_is_that_of_a_dense_jacobian(decay: float, intervals: str) -> None:
    """Of a Bayesian training and one with decay, by all weights and by the last layer's; with weights of rows."""
    fit = {"weight_decay": decay, "optimizer": "lbfgs"} if decay else {"optimizer": "bayesian"}
    found = model(weights=WEIGHTS, hidden=(3,), intervals=intervals, **fit, **RAW)
    w, certainty = found.network.w, found.certainty
    assert certainty is not None
    beta, part = 1 / certainty.noise, slice(0 if intervals == "all" else 12, None)
    but_output_biases = np.repeat([1, 0, 1], [12, 2, 6])
    J, g = jacobian(w, X)[..., part], jacobian(w, NEW)[..., part]
    H = np.einsum("i,j,ija,ijb->ab", WEIGHTS, beta, J, J)
    if decay:
        decayed = decay * WEIGHTS.sum() * beta.mean()
        H += decayed * np.diag(but_output_biases[part])
        errors = (WEIGHTS[:, None] * (outputs(w, X, 3, 2) - Y) ** 2).sum(axis=0)
        whole = jacobian(w, X)  # by intervals of the last layer, too, all weights have used up what the rows tell
        all_of_H = np.einsum("i,j,ija,ijb->ab", WEIGHTS, beta, whole, whole) + decayed * np.diag(but_output_biases)
        own = np.einsum("i,j,ija,ab,ijb->j", WEIGHTS, beta, whole, np.linalg.inv(all_of_H), whole)
        np.testing.assert_allclose(beta, (WEIGHTS.sum() - own) / errors, rtol=2e-2)  # which depend on each other
    else:
        prior = np.linalg.inv(certainty.T.T @ certainty.T) - H
        alpha = np.trace(prior) / (len(H) - 2)
        assert alpha > 0
        np.testing.assert_allclose(prior, alpha * np.diag(but_output_biases[part]), atol=1e-6 * np.abs(H).max())
        H += alpha * np.diag(but_output_biases[part])
    np.testing.assert_allclose(certainty.T.T @ certainty.T, np.linalg.inv(H), rtol=1e-6, atol=1e-9)
    assert not np.triu(certainty.T, 1).any()
    variances = np.einsum("ija,ab,ijb->ij", g, np.linalg.inv(H), g)
    np.testing.assert_allclose(found.deviations(NEW)[0], np.sqrt(variances), rtol=1e-6)


def test_they_are_wider_where_no_rows_are() -> None:
    own, _ = model(hidden=(3,), optimizer="bayesian").deviations(np.array([[0.0, 0, 0], [6, 6, 6]]))
    assert (own[1] > 1.5 * own[0]).all()


def test_a_target_that_was_transformed_has_bounds_but_no_deviations() -> None:
    positive = np.exp(Y[:, :1])
    found = model(positive, hidden=(), optimizer="levenberg-marquardt", transform=("y=log",))
    plain = model(Y[:, :1], hidden=(), optimizer="levenberg-marquardt")
    np.testing.assert_allclose(found.bounds(NEW), np.exp(plain.bounds(NEW)), rtol=1e-7)
    with pytest.raises(UserError, match="A target was transformed"):
        found.predict(NEW, return_std=True)


def test_it_is_stored_with_the_model(tmp_path: Path) -> None:
    found = model(hidden=(3,), optimizer="bayesian")
    found.save(tmp_path / "model.safetensors")
    back = load_model(tmp_path / "model.safetensors")
    assert found.certainty is not None
    assert back.certainty is not None
    assert back.certainty.T.tobytes() == found.certainty.T.tobytes()
    np.testing.assert_array_equal(back.bounds(NEW), found.bounds(NEW))
    tensors, metadata = files.read(tmp_path / "model.safetensors")
    for name, value in (
        ("certainty_factor", tensors["certainty_factor"][1:]),
        ("certainty_factor", tensors["certainty_factor"] * np.nan),
        ("certainty_noise", -tensors["certainty_noise"]),
        ("certainty_noise", tensors["certainty_noise"][:1]),
        ("certainty_freedom", tensors["certainty_freedom"][:1]),
        ("certainty_freedom", tensors["certainty_freedom"] * np.nan),
    ):
        files.write(tmp_path / "bad.safetensors", {**tensors, name: np.ascontiguousarray(value)}, metadata)
        with pytest.raises(UserError, match=r"bad.safetensors does not hold a model"):
            load_model(tmp_path / "bad.safetensors")
    assert Certainty.restore({}, (3, 1)) is None
    del tensors["certainty_freedom"]  # as versions wrote it that took the noise for known
    files.write(tmp_path / "old.safetensors", tensors, metadata)
    old, mean = load_model(tmp_path / "old.safetensors"), found(NEW)
    own, observed = found.deviations(NEW)
    z = 1.6448536269514722
    expected = [mean - z * own, mean + z * own, mean - z * observed, mean + z * observed]
    np.testing.assert_allclose(old.bounds(NEW, 0.9), np.stack(expected, axis=-1), rtol=1e-9)


def test_a_model_without_it_says_how_to_have_it() -> None:
    plain = distnn.fit(X, Y, hidden=(), optimizer="levenberg-marquardt").model
    for asked in (plain.bounds, plain.deviations):
        with pytest.raises(UserError, match="train it with --intervals all"):
            asked(NEW)


@pytest.mark.parametrize("probability", [0.0, 1.0, -1.0, 95.0, float("nan")])
def test_what_is_no_probability(probability: float) -> None:
    assert quantile(0.95) == pytest.approx(1.959963984540054)
    with pytest.raises(UserError, match=r"^probability=[^ ]+: give a probability between 0 and 1"):
        quantile(probability)
