"""What is exported to PyTorch and JAX does the same, each against `Model`: by the libraries that are installed,
and by stand-ins for both."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from exporting import KINDS, REFUSED, coded, extreme, imported, mixed, mixed_rows, model, rows, scale, signs
from torch_stand_in import Tensor, install

from distnn.inference.export import export
from distnn.inference.model import Model

Run = Callable[[ModuleType, np.ndarray], np.ndarray]
# torch and jax are large: without them the stand-ins have to do, also for .ci/run
LIBRARIES = ["torch-stand-in", "jax-stand-in", *(name for name in ("torch", "jax") if importlib.util.find_spec(name))]


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Run]:
    """The language, and how a file of it is run for rows; the library is ready to be imported."""
    name = request.param
    if name == "torch-stand-in":
        install(monkeypatch)
        return "torch", lambda module, X: np.asarray(module.load()(X.view(Tensor)))
    if name == "jax-stand-in":
        jax = ModuleType("jax")
        jax.numpy = np  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "jax", jax)
        monkeypatch.setitem(sys.modules, "jax.numpy", np)
        return "jax", lambda module, X: np.asarray(module.predict(module.load(), X))
    if name == "torch":
        return "torch", by_torch
    import jax

    jax.config.update("jax_enable_x64", True)
    return "jax", lambda module, X: np.asarray(jax.jit(module.predict)(module.load(), X))


def by_torch(module: ModuleType, X: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return module.load()(torch.from_numpy(X)).numpy()


def exported(made: Model, language: str, folder: Path) -> ModuleType:
    return imported(export(made, language, folder / "a 'b'")[0])


@pytest.mark.parametrize("kind", [*KINDS, "signs"])
def test_values_are_those_of_the_model(kind: str, library: tuple[str, Run], tmp_path: Path) -> None:
    language, run = library
    made = signs() if kind == "signs" else model(kind)
    module, X = exported(made, language, tmp_path), rows(made)
    found = run(module, X)
    close = 1e-12 if made.dtype == "float64" else 1e-6
    assert np.max(np.abs(found - made(X)) / scale(made, X)) < close
    classes = made.preparation.classes
    if classes is not None:
        y = made(X).view(Tensor) if language == "torch" else made(X)
        assert [module.CLASSES[k] for k in places(module, y)] == made.classify(X).tolist()


def places(module: ModuleType, y: np.ndarray) -> list[int]:
    torch = sys.modules.get("torch")
    if hasattr(module, "torch") and hasattr(torch, "from_numpy"):
        y = torch.from_numpy(np.asarray(y))  # type: ignore[union-attr]
    return np.asarray(module.class_places(y)).tolist()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_words_gaps_and_transforms(dtype: str, library: tuple[str, Run], tmp_path: Path) -> None:
    language, run = library
    X, made = extreme(mixed_rows()), mixed(dtype)
    module = exported(made, language, tmp_path)
    codes = module.encode(X.tolist())
    np.testing.assert_array_equal(codes, coded(X, made))
    found, expected = run(module, codes), made(X)
    close = 1e-12 if dtype == "float64" else 1e-6
    assert np.max(np.abs(found - expected) / np.abs(expected).max(axis=0)) < close


def test_what_the_model_refuses_gives_nothing(library: tuple[str, Run], tmp_path: Path) -> None:
    language, run = library
    module, codes = exported(mixed(), language, tmp_path), coded(mixed_rows()[:1], mixed())
    codes = np.repeat(codes, 2 * len(REFUSED), axis=0)
    for row, (column, value) in enumerate(REFUSED):
        codes[2 * row, column] = value
    found = run(module, codes)
    assert np.isnan(found[::2]).all() and np.isfinite(found[1::2]).all()


def test_rows_with_words(library: tuple[str, Run], tmp_path: Path) -> None:
    module = exported(mixed(), library[0], tmp_path)
    gaps = module.encode([[1.5, None, None, True, float("nan"), "b"], [1, "", "", 0, 2, "a"]])
    np.testing.assert_array_equal(gaps, [[1.5, np.nan, np.nan, 1, np.nan, 1], [1, np.nan, np.nan, 0, 2, 0]])
    with pytest.raises(ValueError, match="row 1: wood is 'elm', which is none of fir, oak, ash"):
        module.encode([[1, "oak", 1, 1, 1, "a"], [1, "elm", 1, 1, 1, "a"]])
    with pytest.raises(ValueError, match="argument"):
        module.encode([[1, "oak"]])
