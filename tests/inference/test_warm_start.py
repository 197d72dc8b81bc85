"""A network that computes what a model computes, although it is fed another table's standardised columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, words

from distnn import UserError
from distnn.inference.model import Model
from distnn.inference.warm_start import started
from distnn.network.network import Network
from distnn.parallel.ranks import OneRank


def stored(path: Path, X: Any, Y: Any, **options: Any) -> Model:
    model = assembled(OneRank(), X, Y, **options).model
    model.save(path)
    return model


def begun(path: Path, model: Model) -> None:
    """Give the model the weights with which it computes what the one at `path` does."""
    network = model.network
    fresh = Network(network.d, network.theta, network.output_theta)
    network.w[:] = started(str(path), fresh, model.preparation, OneRank()).w


@pytest.mark.parametrize("options", [{}, {"hidden": ()}, {"standardise_targets": False}, {"standardise": False}])
def test_the_same_function_of_the_table(options: dict[str, Any], tmp_path: Path) -> None:
    X, Y = regression(50, m=2)
    first = stored(tmp_path / "model", X, Y, **options)
    second = assembled(OneRank(), X[::-1] * [1, 7, -3] + [0, 100, 1], Y * 5 - 2, seed=3, **options).model
    assert not np.allclose(second(X), first(X), rtol=0.01)
    begun(tmp_path / "model", second)
    np.testing.assert_allclose(second(X), first(X), rtol=1e-10)


def test_the_same_classes_with_the_same_outputs(tmp_path: Path) -> None:
    X, Y = words(50)
    first = stored(tmp_path / "model", X, Y)
    second = assembled(OneRank(), X * 3 - 1, Y, seed=3).model
    begun(tmp_path / "model", second)
    np.testing.assert_allclose(second(X), first(X), rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"hidden": (3,)}, r"the architecture \[3, 16, 16, 1\], and this training \[3, 3, 1\]"),
        ({"theta": "relu"}, "the activation tanh, and this training relu"),
        ({"output_theta": "tanh"}, "the output identity, and this training tanh"),
    ],
)
def test_a_model_of_another_kind_is_refused(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    X, Y = regression(50)
    stored(tmp_path / "model", X, Y)
    with pytest.raises(UserError, match=f"--start .*model: that model has {sentence}"):
        begun(tmp_path / "model", assembled(OneRank(), X, Y, **options).model)
