"""Every θ against its definition, and its derivative against a complex step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracles
import pytest

import distnn
from distnn.errors import UserError
from distnn.inference.export.formula import formula
from distnn.network.activations import ACTIVATIONS, Activation

SIGNALS = [-800.0, -30.0, -3.0, -1.0, -0.25, 0.25, 0.5, 1.0, 3.0, 30.0, 800.0]
TRAINABLE = [name for name, activation in ACTIVATIONS.items() if activation.chain is not None]


def test_the_lectures_activations_are_there() -> None:
    assert set(ACTIVATIONS) >= {"tanh", "logistic", "relu", "identity", "sign"}
    assert set(TRAINABLE) == set(oracles.THETA), "an activation without an oracle"


def definition(name: str, s: float) -> float:
    if name == "sign":
        return 1.0 if s >= 0 else -1.0
    if name == "logistic" and s < -700:  # e^-s overflows in plain Python
        return math.exp(s)
    return complex(oracles.THETA[name](s)).real


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_apply(name: str, dtype: type) -> None:
    x = np.array([SIGNALS, SIGNALS[::-1]], dtype)
    with np.errstate(all="raise", under="ignore"):
        ACTIVATIONS[name].apply(x)
    assert x.dtype == dtype
    expected = [definition(name, s) for s in SIGNALS]
    np.testing.assert_allclose(x, [expected, expected[::-1]], rtol=0, atol=4 * np.finfo(dtype).eps * 800)
    np.testing.assert_allclose(x[0, 2:9], expected[2:9], rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", TRAINABLE)
def test_chain(name: str, dtype: type) -> None:
    signals = [s for s in SIGNALS if abs(s) < 100]
    x = np.array([signals], dtype)
    delta = np.arange(1, len(signals) + 1, dtype=dtype)[None] - 4.5
    expected = [
        d * oracles.THETA[name](complex(s, 1e-30)).imag / 1e-30 for s, d in zip(signals, delta[0].tolist(), strict=True)
    ]
    activation = ACTIVATIONS[name]
    activation.apply(x)
    assert activation.chain is not None
    activation.chain(x, delta, np.full_like(x, np.nan))
    np.testing.assert_allclose(delta[0], expected, rtol=20 * np.finfo(dtype).eps, atol=10 * np.finfo(dtype).eps)


def test_sign_of_zero_is_one() -> None:
    x = np.array([[-0.0, 0.0]])
    ACTIVATIONS["sign"].apply(x)
    assert x.tolist() == [[1, 1]]


def test_sign_cannot_be_trained() -> None:
    with pytest.raises(UserError, match="sign has no derivative"):
        ACTIVATIONS["sign"].require_derivative()
    for name in TRAINABLE:
        ACTIVATIONS[name].require_derivative()


def softsign(s: np.ndarray) -> None:
    s /= 1 + np.abs(s)


def softsign_chain(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    delta *= np.square(1 - np.abs(x))


def test_a_new_one_trains_and_what_does_not_know_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "softsign", Activation("softsign", softsign, softsign_chain))
    X = np.linspace(-1, 1, 200)[:, None]

    def trained(**options: Any) -> distnn.Fit:
        network = distnn.Network([1, 4, 1], theta="softsign", output_theta="identity")
        return distnn.fit(X, np.sin(3 * X), network, **{"optimizer": "lbfgs", "max_iterations": 60, **options})

    found = trained()
    assert found.records[-1].E_in < 0.01
    for optimizer in ("truncated-newton", "levenberg-marquardt"):
        with pytest.raises(UserError, match="softsign has no second derivative"):
            trained(optimizer=optimizer)
    with pytest.raises(UserError, match="softsign units cannot be exported"):
        formula(found.model, {})
    pytest.importorskip("jax", reason="NOT TESTED HERE: jax is not installed: pip install 'distnn[xla]'")
    with pytest.raises(UserError, match="not softsign"):
        trained(device="xla-cpu")
