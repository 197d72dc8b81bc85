"""Passes of all layers at once: for narrow networks. That they compute what numpy does is in test_compiled.py."""

from __future__ import annotations

import numpy as np
import pytest
from passing import DTYPES, draw, engine, gradient

from distnn.network.activations import ACTIVATIONS
from distnn.network.passes import compiled
from distnn.network.passes.fused import WIDEST, Fused
from distnn.network.weights import weight_count


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shares", [None, [0.3, 1.7]])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_call_for_squared_error_has_the_bits_of_many(
    dtype: str, shares: list[float] | None, weighted: bool, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole blocks and pieces, one after another, and wherever y lies."""
    for bytes_of_pieces in (compiled.PIECE_BYTES, 1):
        monkeypatch.setattr(compiled, "PIECE_BYTES", bytes_of_pieces)
        made = engine((4, 9, 2), dtype, "fused", of)
        made.load(np.linspace(-1, 1, weight_count(made.d)), shares and np.array(shares))
        for rows in (1, 300, 77, 1000):
            block = draw(made.d, rows, dtype)
            block = block._replace(y=np.asfortranarray(block.y), weights=block.weights if weighted else None)
            expected, total = np.empty(weight_count(made.d), dtype), 0.0
            for columns, s, delta in made.passes.gradient(block.x, expected):
                weights = None if block.weights is None else block.weights[columns]
                total += made.error_function.total(s, block.y[:, columns], weights, delta)
            np.testing.assert_array_equal(gradient(made, block), np.append(expected, total))


def test_targets_of_another_network_are_refused(of: str) -> None:
    made = engine((4, 9, 2), "float64", "fused", of)
    with pytest.raises(ValueError, match="3 rows where this network has 2"):
        gradient(made, draw((4, 9, 3), 10, "float64"))


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
