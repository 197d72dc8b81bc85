"""Every W^(l) is a view of w; and which weights are biases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import oracles
import pytest
from networks import ARCHITECTURES

from distnn import Network
from distnn.network.weights import decay_mask, layers, shapes, weight_count, weight_groups


@pytest.mark.parametrize("d", ARCHITECTURES)
def test_every_W_is_a_view_of_w(d: tuple[int, ...]) -> None:
    network = Network(d)
    assert [W.shape for W in network.W] == shapes(d) == [(below + 1, above) for below, above in pairwise(d)]
    assert len(d) - 1 == network.L
    assert network.w.size == weight_count(d)
    network.w[:] = np.arange(network.w.size)
    assert [W.tolist() for W in network.W] == oracles.matrices(network.w.tolist(), d)
    network.W[-1][-1, -1] = -7
    assert network.w[-1] == -7
    assert all(np.shares_memory(W, network.w) for W in layers(network.w, d))


def test_biases_do_not_decay() -> None:
    assert decay_mask((2, 3, 1)).tolist() == [0] * 3 + [1] * 6 + [0] + [1] * 3


def test_groups_of_weights() -> None:
    assert weight_groups((2, 3, 1)).tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] + [4] * 3
    assert weight_groups((2, 1, 2, 1)).tolist() == [0, 1, 2, 3, 3, 4, 4, 5, 6, 6]
    assert weight_groups((3, 2)).tolist() == [0, 0] + [1] * 6
