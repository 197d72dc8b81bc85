"""The Jacobian a piece of the examples at a time: the same for any size of a piece. The values: test_terms.py."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from distnn.accelerator import block_terms
from distnn.accelerator.mathematics import Mathematics


@pytest.mark.parametrize("name", ["gauss_newton", "lengths_last"])
def test_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    generator = np.random.default_rng(0)
    m = Mathematics((2, 3, 2), "tanh", "softmax", "cross-entropy")
    x, y, weights = np.ones((3, 11)), np.eye(2)[generator.integers(0, 2, 11)].T, generator.random(11)
    x[1:] = generator.normal(size=(2, 11))
    more = (generator.normal(size=(8, 8)),) if name == "lengths_last" else ()

    def found() -> Any:
        with jax.enable_x64(True):
            term = jax.jit(partial(block_terms.TERMS[name], m))  # in one piece it takes less time to compile
            return np.asarray(term(np.sin(np.arange(17.0)), np.ones((2, 1)), x, y, weights, *more))

    whole = found()
    monkeypatch.setattr(block_terms, "PIECE_BYTES", 1)
    monkeypatch.setattr(block_terms, "FEWEST", 4)
    np.testing.assert_allclose(found(), whole, rtol=1e-13, atol=1e-15)
    assert np.abs(whole).max() > 0
