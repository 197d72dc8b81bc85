"""What derivatives along a vector share: the vector as layers, and memory that is used again."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.second_order.directional import DirectionalDerivative


@pytest.fixture(params=["float64", "float32"])
def along(request: pytest.FixtureRequest) -> DirectionalDerivative:
    return DirectionalDerivative(Backpropagation(Network((2, 3, 1)), "squared", np.dtype(request.param)))


def test_the_vector_as_layers(along: DirectionalDerivative) -> None:
    v = np.linspace(0, 1, 13)
    along.load(v)
    assert [V.shape for V in along.V] == [(3, 3), (4, 1)]
    assert along.parts == [(3, 3), (4, 1)]
    together = np.concatenate([V.ravel() for V in along.V])
    np.testing.assert_array_equal(together, v.astype(along.backpropagation.dtype))


def test_memory_is_used_again_and_grows_with_the_widest_block(along: DirectionalDerivative) -> None:
    (first,), (again,) = along.rooms(5, "a"), along.rooms(5, "a")
    assert [room.shape for room in first] == [(3, 5), (1, 5)]
    assert all(np.shares_memory(one, two) for one, two in zip(first, again, strict=True))
    one, other = along.rooms(8, "a", "b")
    assert [room.shape for room in one] == [(3, 8), (1, 8)]
    assert not any(np.shares_memory(a, b) for a, b in zip(one, other, strict=True))
