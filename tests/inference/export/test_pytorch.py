"""What is exported to PyTorch, run by a stand-in and, where it is installed, by PyTorch itself, against `Model`."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from exporting import KINDS, imported, model, rows, scale, signs
from safetensors import safe_open
from torch_stand_in import Tensor, install

from distnn import UserError
from distnn.inference.export import export
from distnn.inference.export.formula import Column, fingerprint, formula
from distnn.inference.export.pytorch import files

WITH = ["stand-in", *(["torch"] if importlib.util.find_spec("torch") else [])]  # else not tested with torch here


def run(module: ModuleType, X: np.ndarray, with_: str) -> np.ndarray:
    if with_ == "stand-in":
        return np.asarray(module.load()(X.view(Tensor)))
    import torch

    with torch.no_grad():
        return module.load()(torch.from_numpy(X)).numpy()


@pytest.mark.parametrize("with_", WITH)
@pytest.mark.parametrize("kind", [*KINDS, "signs"])
def test_values_are_those_of_the_model(kind: str, with_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if with_ == "stand-in":
        install(monkeypatch)
    made = signs() if kind == "signs" else model(kind)
    code, _ = export(made, "torch", tmp_path / "a 'b'")
    X = rows(made)
    found = run(imported(code), X, with_)
    close = 1e-12 if made.dtype == "float64" else 1e-6
    assert np.max(np.abs(found - made(X)) / scale(made, X)) < close


def test_the_state_is_that_of_a_sequential_and_names_the_model(tmp_path: Path) -> None:
    _, state = export(model("one-output"), "torch", tmp_path / "m")
    with safe_open(state, "numpy") as file:
        assert file.metadata() == {"fingerprint": fingerprint(model("one-output"))}
        linear = {f"{place}.{name}" for place in (1, 3, 5) for name in ("weight", "bias")}
        steps = {f"{place}.{name}" for place in (0, 7) for name in ("shift", "mean", "divisor")}
        assert set(file.keys()) == linear | steps
        assert file.get_slice("1.weight").get_shape() == [12, 3]


def test_words_are_refused() -> None:
    words = replace(formula(model("linear"), {}), columns=(Column("fuel", "words", ("oil", "gas")),))
    with pytest.raises(UserError, match="--to torch takes numbers as they stand: the column fuel holds words"):
        files(words, "m")
