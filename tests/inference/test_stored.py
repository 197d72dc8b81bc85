"""A model as a file holds it; tests/inference/test_model.py and test_ensemble.py have what is in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import distnn
from distnn.errors import UserError
from distnn.inference.ensemble import Ensemble
from distnn.inference.stored import load_model
from distnn.storage import files


@pytest.mark.parametrize("change", ["count", "shape", "none", "certainty"])
def test_an_ensemble_that_does_not_fit_together_is_refused(change: str, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    own = [distnn.fit(X, X[:, 0] * X[:, 1], hidden=(2,), seed=seed, max_iterations=3).model for seed in range(2)]
    ensemble, path = Ensemble.of(own), tmp_path / "model.safetensors"
    tensors, metadata = ensemble.tensors(), ensemble.metadata()
    if change == "count":
        metadata["ensemble"] = 3
    elif change == "shape":
        tensors["w"] = tensors["w"].ravel()
    elif change == "none":
        del tensors["w"]
    else:
        tensors["certainty_factor"], tensors["certainty_noise"] = np.ones((1, 3)), np.ones((1, 1))
    files.write(path, tensors, {"model": metadata})
    with pytest.raises(UserError, match="does not hold an ensemble"):
        load_model(path)


def test_a_folder_of_runs_is_told(tmp_path: Path) -> None:
    X = np.eye(3)
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        distnn.fit(X, X[:, 0], hidden=(1,), max_iterations=1).model.save(tmp_path / name / "model.safetensors")
    with pytest.raises(UserError, match=f"^{tmp_path} is a folder with 2 models: give one, such as {tmp_path}/a.$"):
        load_model(tmp_path)
