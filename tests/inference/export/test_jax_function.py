"""The pytree of what is exported to JAX, and what JAX makes of the function where it is installed; what it computes is
tested in test_python_source.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from exporting import coded, imported, mixed, mixed_rows

from distnn.inference.export import export

INSTALLED = importlib.util.find_spec("jax") is not None  # a large package; what it makes of the function is its own


def test_the_parameters_are_a_pytree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not INSTALLED:
        jax = ModuleType("jax")
        jax.numpy = np  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "jax", jax)
        monkeypatch.setitem(sys.modules, "jax.numpy", np)
    made, X = mixed(), coded(mixed_rows(), mixed())
    module = imported(export(made, "jax", tmp_path / "m")[0])
    tree = module.load()
    assert set(tree) == {"standardise", "layers", "undo"}
    assert [layer["W"].shape for layer in tree["layers"]] == [(11, 9), (9, 3)]
    if INSTALLED:
        import jax

        jax.config.update("jax_enable_x64", True)
        tree = module.load()
        one_by_one = jax.jit(jax.vmap(module.predict, (None, 0)))(tree, X)
        np.testing.assert_allclose(one_by_one, made(mixed_rows()), rtol=1e-12)
        slopes = np.asarray(jax.jit(jax.vmap(jax.jacrev(module.predict, 1), (None, 0)))(tree, X))
        expected = made.derivative(mixed_rows())
        numbers = [0, 3]  # columns without words and gaps; by words and missing values JAX has 0
        np.testing.assert_allclose(slopes[:, :, numbers], expected[:, :, numbers], rtol=1e-11, atol=1e-12)
        there = ~np.isnan(X[:, 2])
        np.testing.assert_allclose(slopes[there][:, :, 2], expected[there][:, :, 2], rtol=1e-11, atol=1e-12)
        assert not slopes[:, :, [1, 5]].any() and not slopes[~there][:, :, 2].any()
