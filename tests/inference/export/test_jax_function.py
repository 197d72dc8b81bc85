"""What is exported to JAX, with numpy in the place of jax.numpy and, where JAX is installed, by JAX itself."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from exporting import KINDS, imported, model, rows, scale, signs

from distnn import UserError
from distnn.inference.export import export
from distnn.inference.export.formula import formula
from distnn.inference.export.jax_function import files

WITH = ["numpy", *(["jax"] if importlib.util.find_spec("jax") else [])]  # else not tested with jax here


@pytest.fixture(params=WITH)
def jax(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`jax.jit`, with jax.numpy ready to be imported."""
    if request.param == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.jit
    stand_in = ModuleType("jax")
    stand_in.numpy = np  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jax", stand_in)
    monkeypatch.setitem(sys.modules, "jax.numpy", np)
    return lambda function: function


@pytest.mark.parametrize("kind", [*KINDS, "signs"])
def test_values_are_those_of_the_model(kind: str, jax: Any, tmp_path: Path) -> None:
    made = signs() if kind == "signs" else model(kind)
    code, _ = export(made, "jax", tmp_path / "a 'b'")
    module, X = imported(code), rows(made)
    found = np.asarray(jax(module.predict)(module.load(), X))
    close = 1e-12 if made.dtype == "float64" else 1e-6
    assert np.max(np.abs(found - made(X)) / scale(made, X)) < close
    assert len(module.load()["layers"]) == made.network.L


def test_transforms_are_refused() -> None:
    log = replace(formula(model("linear"), {}), transforms=("log", None))
    with pytest.raises(UserError, match=r"--to jax takes numbers as they stand: the column y1 .*is transformed"):
        files(log, "m")
