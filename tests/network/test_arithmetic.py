"""The hash of what is computed: the same wherever the bits are, another where they are not."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from availability import need_instructions, use_instructions

from distnn.kernels import algebra as kernel
from distnn.kernels import elementary, factors, library
from distnn.network import arithmetic
from distnn.network.error_functions import SquaredError
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled

gradients, algebra = arithmetic.gradients.__wrapped__, arithmetic.algebra.__wrapped__


def test_it_is_the_same_each_time() -> None:
    arithmetic.gradients.cache_clear()  # another test may have had an activation of its own in the table
    arithmetic.algebra.cache_clear()
    assert arithmetic.hashes() == {"gradient": gradients(), "algebra": algebra()}


def test_sets_of_instructions_with_the_same_bits_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    found = {}
    for name in ("off", *library.available()):
        use_instructions(name, monkeypatch)
        found[name] = gradients(), algebra()
    numpy, portable = found.pop("off"), found.pop("portable")
    assert numpy[0] != portable[0] and numpy[1] != portable[1] and all(other == portable for other in found.values())


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


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (kernel, "dot"), (kernel, "total"), (kernel, "combination"),
        (factors, "solve"), (factors, "invert"), (elementary, "applied"), (elementary, "power"),
    ],
)  # fmt: skip
def test_one_bit_of_algebra_changes_it(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, function = algebra(), getattr(module, name)
    monkeypatch.setattr(module, name, lambda *arguments: np.nextafter(function(*arguments), np.inf))
    assert algebra() != before


def test_other_random_numbers_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = algebra()
    monkeypatch.setattr(arithmetic, "stream", lambda seed, purpose: np.random.default_rng(seed))
    assert algebra() != before
