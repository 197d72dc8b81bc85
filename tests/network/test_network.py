"""Networks: shapes, views, initial weights, forward propagation, and two that the lecture builds by hand."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from distnn import Network, UserError
from distnn.data.tables.exclusive_or import H1, H2, ExclusiveOr
from distnn.network.activations import ACTIVATIONS


def test_initial_weights() -> None:
    d = (300, 200, 50)
    given = Network(d).initialise(seed=4, sigma=0.3)
    assert given.w.std() == pytest.approx(0.3, rel=0.02)
    assert given.w.mean() == pytest.approx(0, abs=0.005)
    by_layer = Network(d).initialise(seed=4)
    for W in by_layer.W:
        assert W.std() == pytest.approx(W.shape[0] ** -0.5, rel=0.02)
        assert W[0].any(), "bias weights are drawn too"
    np.testing.assert_allclose(given.w, np.concatenate([W.ravel() * 0.3 * len(W) ** 0.5 for W in by_layer.W]))
    np.testing.assert_array_equal(Network(d).initialise(seed=4).w, by_layer.w)
    assert not np.array_equal(Network(d).initialise(seed=5).w, by_layer.w)
    assert not Network(d).initialise(seed=4, sigma=0).w.any()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([3],), "has no layer of weights"),
        (([],), "has no layer of weights"),
        (([2, 0, 1],), r"\[2, 0, 1\] has a layer of width 0"),
        (([2, -3, 1],), "has a layer of width -3"),
        (([2, 2.7, 1],), r"d=\[2, 2.7, 1\] is no architecture: give .* whole numbers"),
        (("23",), "d='23' is no architecture"),
        (([2, 1], "tan"), "There is no activation 'tan'. Choose from: tanh, logistic, relu, identity, sign"),
        (([2, 1], "softmax"), "There is no activation 'softmax'"),
        (([2, 1], "tanh", "max"), "There is no output 'max'"),
    ],
)
def test_impossible_networks(arguments: tuple, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Network(*arguments)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 1)])
def test_inputs_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"The inputs have shape .*; this network needs \(any, 2\)"):
        Network([2, 1])(np.ones(shape))


def test_the_lectures_exclusive_or_of_perceptrons() -> None:
    """g = OR(AND(h1, NOT h2), AND(NOT h1, h2)), its weights written out, for inputs of ±1: exact on the built-in data.

    AND(a, b) = sign(-1.5 + a + b), OR(a, b) = sign(1.5 + a + b), NOT a = -a.
    """
    network = Network([2, 2, 2, 1], theta="sign", output_theta="sign")
    network.W[0][:] = np.column_stack([H1, H2])
    network.W[1][:] = [
        [-1.5, -1.5],  # bias
        [1.0, -1.0],  # h1, NOT h1
        [-1.0, 1.0],  # NOT h2, h2
    ]
    network.W[2][:] = [[1.5], [1.0], [1.0]]
    points, _ = ExclusiveOr(10_000, seed=3).read(0, 10_000, [0, 1, 2])
    X, y = points[:, :2], points[:, 2]
    assert 2_000 < (y > 0).sum() < 8_000
    np.testing.assert_array_equal(network(X)[:, 0], y)


def test_AND_OR_and_NOT() -> None:
    truth = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)])
    for weights, table in (((-1.5, 1, 1), (-1, -1, -1, 1)), ((1.5, 1, 1), (-1, 1, 1, 1)), ((0, -1, 0), (1, 1, -1, -1))):
        perceptron = Network([2, 1], output_theta="sign")
        perceptron.w[:] = weights
        assert tuple(perceptron(truth)[:, 0]) == table


def test_every_activation_can_be_evaluated_as_output() -> None:
    for name in ACTIVATIONS:
        assert np.isfinite(Network([2, 3, 2], name, name).initialise(0)(np.ones((2, 2)))).all()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_has_weights_of_its_own(copied: Callable[[Network], Network]) -> None:
    network = Network([3, 4, 2], "relu", "softmax").initialise()
    twin = copied(network)
    assert (twin.d, twin.theta, twin.output_theta) == (network.d, "relu", "softmax")
    np.testing.assert_array_equal(twin.w, network.w)
    twin.W[1][0, 0] = 7
    assert twin.w[4 * 4] == 7 != network.w[4 * 4], "a view of the vector in the copy, too"
