"""Trainings that begin with weights of PyTorch and of scikit-learn compute what those did."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exporting import mixed, mixed_rows
from safetensors.numpy import save_file
from tables import assembled, regression, words

import distnn
from distnn import UserError
from distnn.inference.export import export
from distnn.inference.foreign import from_state_dict
from distnn.inference.model import Model
from distnn.inference.warm_start import started
from distnn.network.network import Network
from distnn.parallel.ranks import OneRank

X, Y = regression(50, m=2)


def begun(path: Path, model: Model) -> Model:
    """The model with the weights that `--start path` gives it."""
    network = Network(model.network.d, model.network.theta, model.network.output_theta)
    model.network.w[:] = started(str(path), network, model.preparation, OneRank()).w
    return model


def state(names: tuple[str, ...], d: tuple[int, ...], dtype: Any = np.float64) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    shapes = zip(names, d[:-1], d[1:], strict=True)
    return {
        f"{name}.{what}": generator.normal(size=shape).astype(dtype)
        for name, below, above in shapes
        for what, shape in (("weight", (above, below)), ("bias", (above,)))
    }


@pytest.mark.parametrize("names", [("0", "2", "10"), ("fc2", "fc9", "fc10"), ("net.0.lin", "net.0.out", "net.1.a")])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_state_dict_computes_on_the_table_as_it_stands(names: tuple[str, ...], dtype: Any, tmp_path: Path) -> None:
    tensors = state(names, (3, 6, 5, 2), dtype)
    save_file(tensors, tmp_path / "a.safetensors")
    model = begun(tmp_path / "a.safetensors", assembled(OneRank(), X, Y, hidden=(6, 5)).model)
    x = X
    for place, name in enumerate(names):
        x = x @ tensors[f"{name}.weight"].astype(float).T + tensors[f"{name}.bias"]
        x = np.tanh(x) if place < 2 else x
    np.testing.assert_allclose(model(X), x, rtol=1e-9)


def test_a_state_dict_is_held_once(tmp_path: Path) -> None:
    """Beside the network's own weights."""
    tensors = state(("0", "2", "4"), (3, 500, 500, 2))
    save_file(tensors, tmp_path / "a.safetensors")
    model = assembled(OneRank(), X, Y, hidden=(500, 500)).model
    tracemalloc.start()
    from_state_dict(tmp_path / "a.safetensors", model.network, model.preparation)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2.2 * model.network.w.nbytes


@pytest.mark.parametrize("classes", [False, True])
def test_what_was_exported_to_pytorch_comes_back(classes: bool, tmp_path: Path) -> None:
    table = words(60) if classes else (X, Y)
    first = assembled(OneRank(), *table, hidden=(6, 5)).model
    _, path = export(first, "torch", tmp_path / "m")
    second = assembled(OneRank(), table[0] * 3 + 1, table[1], hidden=(6, 5), seed=3).model
    np.testing.assert_allclose(begun(path, second)(table[0]), first(table[0]), rtol=1e-9)


def test_words_gaps_and_transforms_are_those_of_the_training(tmp_path: Path) -> None:
    """They are not in the state_dict: the training's own are taken."""
    _, path = export(mixed(), "torch", tmp_path / "m")
    other = mixed()
    other.network.w[:] = 7
    np.testing.assert_allclose(begun(path, other)(mixed_rows()), mixed()(mixed_rows()), rtol=1e-12)


BAD = {
    "a convolution": ({"0.weight": np.zeros((1, 2, 3))}, "no state_dict of linear layers: 0 holds weight"),
    "a norm": ({**state(("0",), (3, 2)), "1.running_mean": np.zeros(2)}, "1 holds running_mean, where weight and bias"),
    "no names": ({"weight": np.zeros(3)}, "no state_dict of linear layers: it holds weight"),
    "layers apart": (
        {**state(("0",), (3, 4)), **state(("1",), (5, 2))},
        r"do not follow one another; they are \(3, 4\), \(5, 2\)",
    ),
    "others": (state(("0", "1"), (3, 7, 2)), r"has the architecture \[3, 7, 2\], and this training \[3, 6, 5, 2\]"),
    "infinite": ({"0.weight": np.full((2, 3), np.inf)}, "holds weights that are not finite"),
    "nothing": ({}, "holds no layers"),
}


@pytest.mark.parametrize("name", BAD)
def test_other_files_are_refused(name: str, tmp_path: Path) -> None:
    tensors, sentence = BAD[name]
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=sentence):
        begun(tmp_path / "a.safetensors", assembled(OneRank(), X, Y, hidden=(6, 5)).model)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\x07" * 100)
    with pytest.raises(UserError, match=r"a\.safetensors is damaged"):
        begun(tmp_path / "a.safetensors", assembled(OneRank(), X, Y).model)


@pytest.mark.parametrize("classes", [False, True])
def test_scikit_learn(classes: bool) -> None:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if classes else MLPRegressor
    table = words(80, 3) if classes else regression(80, m=2)
    estimator = kind(hidden_layer_sizes=(6, 5), activation="tanh", max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        estimator.fit(*table)
    options = {"error": "cross-entropy"} if classes else {}
    begin: dict[str, Any] = {"hidden": (6, 5), "optimizer": "gradient-descent", "max_iterations": 0}
    model = distnn.fit(*table, start=estimator, **begin, **options).model
    expected = estimator.predict_proba(table[0]) if classes else estimator.predict(table[0])
    np.testing.assert_allclose(model(table[0]), expected, rtol=1e-9)
    with pytest.raises(UserError, match="start: that estimator has the activation tanh, and this training relu"):
        distnn.fit(*table, start=estimator, theta="relu", **begin, **options)
    with pytest.raises(UserError, match=r"start: give a model, or an MLPRegressor or MLPClassifier .* that is fitted"):
        distnn.fit(*table, start=kind(), **begin, **options)
