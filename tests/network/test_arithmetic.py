"""The hash of what is computed: the same wherever the bits are, another where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from availability import need_instructions

from distnn.kernels import library
from distnn.network import arithmetic
from distnn.network.error_functions import SquaredError
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled

gradients, algebra = arithmetic.gradients.__wrapped__, arithmetic.algebra.__wrapped__


def test_it_is_the_same_each_time() -> None:
    assert arithmetic.hashes() == {"gradient": gradients(), "algebra": algebra()}


def test_sets_of_instructions_with_the_same_bits_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions(*library.SETS)
    found = {}
    for name in ("off", *library.available()):
        monkeypatch.setenv(library.VARIABLE, name)
        found[name] = gradients()
    assert found["avx2"] == found["avx512"] != found["off"]


@pytest.mark.parametrize("backend", [Fused, Tiled, Layerwise])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_bit_of_any_passes_changes_it(backend: type, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend is not Layerwise:
        need_instructions()
    before, gradient = gradients(), backend.gradient  # type: ignore[attr-defined]

    def other(self, x, G):  # type: ignore[no-untyped-def]
        yield from gradient(self, x, G)
        if self.dtype == dtype:
            G[-1] = np.nextafter(G[-1], np.inf)

    monkeypatch.setattr(backend, "gradient", other)
    assert gradients() != before


def test_one_bit_of_theta_and_of_an_error_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before, error = gradients(), SquaredError.error
    monkeypatch.setattr(SquaredError, "error", lambda *arguments: np.nextafter(error(*arguments), np.inf))
    assert gradients() != before


def test_one_bit_of_the_c_library_or_of_lapack_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import math

    before, cos, solve = algebra(), math.cos, np.linalg.solve
    monkeypatch.setattr("math.cos", lambda number: math.nextafter(cos(number), 2))
    assert algebra() != before
    monkeypatch.undo()
    monkeypatch.setattr(np.linalg, "solve", lambda A, b: np.nextafter(solve(A, b), np.inf))
    assert algebra() != before
