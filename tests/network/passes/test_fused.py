"""Passes of all layers at once: for narrow networks. That they compute what numpy does is in test_compiled.py."""

from __future__ import annotations

import pytest

from distnn.network.activations import ACTIVATIONS
from distnn.network.passes.fused import WIDEST, Fused


@pytest.mark.parametrize(
    ("d", "theta", "serves"),
    [
        ((WIDEST, WIDEST, 1), "tanh", True),
        ((WIDEST + 1, 2, 1), "tanh", False),
        ((2, WIDEST + 1, 1), "tanh", False),
        ((2, 2, WIDEST + 1), "tanh", False),
        ((2, 1), "tanh", False),
        ((2, 2, 1), "sign", False),
    ],
)
def test_networks_that_are_served(d: tuple[int, ...], theta: str, serves: bool) -> None:
    assert Fused.serves(d, ACTIVATIONS[theta]) is serves
