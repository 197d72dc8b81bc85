"""Passes layer by layer in numpy: the products as one writes them down, in memory that is used again."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.network.activations import ACTIVATIONS
from distnn.network.network import Network
from distnn.network.passes.layerwise import Layerwise


def by_hand(W: list[np.ndarray], x: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s^(L) and G for given δ^(L), with tanh, every product in full."""
    xs = [x]
    for W_l in W[:-1]:
        xs.append(np.vstack([np.ones(x.shape[1]), np.tanh(W_l.T @ xs[-1])]))
    G = []
    for l in range(len(W), 0, -1):
        G.append(xs[l - 1] @ delta.T)
        delta = (1 - xs[l - 1][1:] ** 2) * (W[l - 1][1:] @ delta)
    return W[-1].T @ xs[-1], np.concatenate([part.ravel() for part in reversed(G)])


@pytest.mark.parametrize("d", [(2, 1), (3, 4, 2), (2, 4, 3, 1), (2, 5, 1, 3), (4, 1, 6, 2, 2)])
def test_blocks_of_changing_width(d: tuple[int, ...]) -> None:
    network, generator = Network(d).initialise(1), np.random.default_rng(0)
    passes = Layerwise(d, ACTIVATIONS["tanh"], np.dtype("float64"))
    passes.load(network.w)
    for rows in (5, 9, 1, 9, 20):
        x = np.vstack([np.ones(rows), generator.normal(size=(d[0], rows))])
        wanted = generator.normal(size=(d[-1], rows))
        G = np.full(network.w.size, np.nan)
        expected_s, expected_G = by_hand(network.W, x, wanted)
        for columns, s, delta in passes.gradient(x, G):
            assert columns == slice(0, rows)
            np.testing.assert_allclose(s, expected_s, rtol=1e-12, atol=1e-14)
            delta[:] = wanted
        np.testing.assert_allclose(G, expected_G, rtol=1e-12, atol=1e-12)


def test_a_second_block_as_wide_takes_no_more_memory() -> None:
    passes = Layerwise((3, 4, 2), ACTIVATIONS["tanh"], np.dtype("float32"))
    passes.load(np.zeros(26))
    x = np.ones((4, 10), np.float32)
    (_, first), (_, second) = (next(passes.forward(x)) for _ in range(2))
    assert first.dtype == np.float32 and np.shares_memory(first, second)


def test_every_network_is_served() -> None:
    assert all(Layerwise.serves(d, theta) for d in ((1, 1), (500, 500, 3)) for theta in ACTIVATIONS.values())
