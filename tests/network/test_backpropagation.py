"""Backpropagation, by numpy and by compiled code, against the lecture's loops, complex steps, central differences, and
scikit-learn."""

from __future__ import annotations

import inspect
import warnings
from itertools import product
from typing import Any

import numpy as np
import oracles
import pytest
from availability import every_arithmetic
from examples import TRAINABLE, block, targets
from sklearn.neural_network import MLPClassifier, MLPRegressor

from distnn.errors import UserError
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network

THETAS = [name for name, activation in ACTIVATIONS.items() if activation.chain]
ARCHITECTURES = [(3, 2), (2, 4, 1), (2, 3, 5, 3), (3, 1, 4, 1, 2)]


class Case:
    """A random network with its oracle: E and G are sums over the examples."""

    def __init__(self, d: tuple[int, ...], theta: str, error: str, output: str, rows: int = 3, weighted: bool = False):
        generator = np.random.default_rng([*d, rows])
        self.d, self.names = d, (theta, error, output)
        self.network = Network(d, theta, output).initialise(len(d))
        self.w = self.network.w
        self.X = generator.normal(size=(rows, d[0]))
        self.Y = targets(error, output, (d[-1], rows), rows).T
        self.weights = generator.random(rows) * 3 if weighted else None
        self.n = rows if self.weights is None else float(self.weights.sum())

    def compute(self, dtype: Any = np.float64, w: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Means of e and of its gradient by the package."""
        engine = Backpropagation(self.network, self.names[1], dtype)
        engine.load(self.w if w is None else w)
        out = np.full(len(self.w), np.nan, dtype)
        rows = block(self.X, self.Y, self.weights, dtype)
        e = engine.gradient(rows, out)
        assert engine.error(rows) == e
        return e / self.n, out.astype(np.float64) / self.n


@pytest.mark.parametrize(("error", "output"), TRAINABLE)
@pytest.mark.parametrize("theta", THETAS)
def test_the_lectures_loops(theta: str, error: str, output: str) -> None:
    for d, weighted in product(ARCHITECTURES, (False, True)):
        case = Case(d, theta, error, output, weighted=weighted)
        data = (d, case.X, case.Y, case.names, case.weights)
        w = case.w.tolist()
        expected, gradient = complex(oracles.E_in(w, *data)).real, oracles.mean_gradient(w, *data)
        for _ in every_arithmetic():
            E, G = case.compute()
            assert pytest.approx(expected, rel=1e-12) == E
            np.testing.assert_allclose(G, gradient, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("error", "output"), TRAINABLE)
@pytest.mark.parametrize("theta", THETAS)
def test_derivatives_in_random_directions(theta: str, error: str, output: str) -> None:
    for d in ARCHITECTURES:
        case = Case(d, theta, error, output, weighted=True)
        direction = np.random.default_rng(7).normal(size=len(case.w))
        exact = oracles.slope(case.w, direction, d, case.X, case.Y, case.names, case.weights)
        for _ in every_arithmetic():
            _, G = case.compute()
            assert G @ direction == pytest.approx(exact, rel=1e-11, abs=1e-12)
            h = 1e-6
            up, down = (case.compute(w=case.w + step * direction)[0] for step in (h, -h))
            assert G @ direction == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("error", "output"), TRAINABLE)
@pytest.mark.parametrize("theta", THETAS)
def test_float32(theta: str, error: str, output: str) -> None:
    case = Case((4, 6, 5, 3), theta, error, output, rows=40, weighted=True)
    for _ in every_arithmetic():
        E, G = case.compute(np.float32)
        E64, G64 = case.compute()
        assert pytest.approx(E64, rel=1e-5) == E
        np.testing.assert_allclose(G, G64, atol=2e-6 * float(np.abs(G64).max()) + 1e-7)
        assert E != E64, "computed in float64?"


@pytest.mark.usefixtures("numpy_and_compiled")
def test_blocks_of_changing_width_do_not_disturb_each_other() -> None:
    case = Case((2, 4, 3, 2), "tanh", "squared", "tanh", rows=9)
    engine = Backpropagation(case.network, "squared")
    engine.load(case.w)
    parts = {}
    for rows in (3, 9, 1, 4, 9, 3, 4, 1, 0):
        out = np.full(len(case.w), np.nan)
        e = engine.gradient(block(case.X[:rows], case.Y[:rows]), out)
        np.testing.assert_array_equal(out, parts.setdefault(rows, out.copy()))
        outputs = engine.outputs(block(case.X[:rows], case.Y[:rows]).x).T
        np.testing.assert_allclose(outputs, case.network(case.X[:rows]), rtol=1e-13)
        if rows:
            data = (case.d, case.X[:rows], case.Y[:rows], case.names)
            np.testing.assert_allclose(out / rows, oracles.mean_gradient(case.w.tolist(), *data), rtol=1e-11)
        else:
            assert not e and not out.any()


@pytest.mark.usefixtures("numpy_and_compiled")
def test_integer_weights_are_repeated_rows() -> None:
    case = Case((2, 4, 2), "logistic", "squared", "identity", rows=6)
    case.weights = np.array([1.0, 0, 3, 2, 0, 1])
    case.n = 7
    weighted = case.compute()
    repeats = case.weights.astype(int)
    case.X, case.Y, case.weights = np.repeat(case.X, repeats, 0), np.repeat(case.Y, repeats, 0), None
    repeated = case.compute()
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-14)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-13, atol=1e-15)


@pytest.mark.usefixtures("numpy_and_compiled")
@pytest.mark.parametrize("task", ["regression", "classes", "two classes"])
@pytest.mark.parametrize("theta", ["tanh", "logistic", "relu", "identity"])
def test_scikit_learn(theta: str, task: str) -> None:
    """sklearn's own loss and gradient at the same weights. Its squared loss is half of ours; it has no decay here."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(25, 4))
    hidden, output, K = (6, 3), "identity", 2
    Y: np.ndarray
    if task == "regression":
        Y, kind = generator.normal(size=(25, 2)), MLPRegressor
    else:
        K, output, kind = (3, "softmax", MLPClassifier) if task == "classes" else (2, "logistic", MLPClassifier)
        codes = np.arange(25) % K
        Y = np.eye(3)[codes] if K == 3 else codes[:, None].astype(float)
    reader = kind(
        hidden_layer_sizes=hidden, activation=theta, alpha=0, max_iter=1, random_state=0, batch_size=25, solver="sgd"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader.fit(X, Y if task == "regression" else codes)
    d = (4, *hidden, Y.shape[1])
    network = Network(d, theta, output).initialise(2)
    reader.coefs_ = [W[1:].copy() for W in network.W]
    reader.intercepts_ = [W[0].copy() for W in network.W]
    np.testing.assert_allclose(
        reader.predict(X) if task == "regression" else reader.predict_proba(X)[:, -Y.shape[1] :], network(X), rtol=1e-10
    )
    layers = [X] + [np.empty((25, width)) for width in d[1:]]
    deltas, coefs, intercepts = ([np.empty(0)] * 3 for _ in range(3))
    unweighted = (None,) if "sample_weight" in inspect.signature(reader._backprop).parameters else ()
    loss, coef_grads, intercept_grads = reader._backprop(X, Y, *unweighted, layers, deltas, coefs, intercepts)

    engine = Backpropagation(network, "squared" if task == "regression" else "cross-entropy")
    engine.load(network.w)
    out = np.empty(len(network.w))
    e = engine.gradient(block(X, Y), out)
    # sklearn's regression loss: the mean over examples and outputs of (x - y)² / 2; its gradient: (1/n) Σ (x - y).
    loss_factor = 2 * K if task == "regression" else 1
    gradient_factor = 2 if task == "regression" else 1
    assert e / 25 == pytest.approx(loss * loss_factor, rel=1e-10)
    G = np.concatenate([np.vstack([b, W]).ravel() for b, W in zip(intercept_grads, coef_grads, strict=True)])
    np.testing.assert_allclose(out / 25, gradient_factor * G, rtol=1e-9, atol=1e-13)


def test_what_cannot_be_trained() -> None:
    for d, theta, output in (((2, 2, 1), "sign", "tanh"), ((2, 2, 1), "tanh", "sign"), ((2, 1), "tanh", "sign")):
        with pytest.raises(UserError, match="The activation sign has no derivative"):
            Backpropagation(Network(d, theta, output), "squared").require_derivatives()
    Backpropagation(Network((2, 1), "sign", "tanh"), "squared").require_derivatives()  # no hidden layer has it
