"""A trained model: what it says of rows, and what is stored of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exporting import mixed, mixed_rows
from tables import assembled, regression, words

from distnn import UserError, load_model
from distnn.parallel.ranks import OneRank
from distnn.storage import files

X, Y = regression(30)


def test_predictions_are_in_the_units_of_the_table() -> None:
    model = assembled(OneRank(), X, Y).model
    inputs, targets = model.preparation.input_scaling, model.preparation.target_scaling
    assert targets is not None
    z = model.network((X - inputs.shift - inputs.mean) / inputs.deviation)
    np.testing.assert_allclose(model(X), z * targets.deviation + targets.mean + targets.shift, rtol=1e-12)


def test_names_of_classes() -> None:
    X, Y = words(30)
    model = assembled(OneRank(), X, Y).model
    assert model.classify(X).tolist() == np.array(["apple", "pear", "plum"])[model(X).argmax(axis=1)].tolist()
    with pytest.raises(UserError, match="trained on numbers, not on classes"):
        assembled(OneRank(), *regression(30)).model.classify(X)


def test_float32_is_that_of_the_training() -> None:
    model = assembled(OneRank(), X, Y, dtype="float32").model
    assert (model.outputs(X).dtype, model(X).dtype) == (np.float32, np.float64)


def test_a_model_is_stored_and_comes_back_to_the_bit(tmp_path: Path) -> None:
    for Z in (Y, np.where(Y[:, 0] > 10, "high", "low")):
        model = assembled(OneRank(), X, Z, validation=0.2, dtype="float32").model
        model.save(tmp_path / "model.safetensors")
        loaded = load_model(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(loaded(X), model(X))
        assert loaded.preparation.classes == model.preparation.classes
        assert (loaded.network.d, loaded.error, loaded.dtype) == (model.network.d, model.error, model.dtype)
        assert loaded.held_out == model.held_out and loaded.held_out["share"] == 0.2


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 1)])
def test_inputs_of_another_shape(shape: tuple[int, ...]) -> None:
    model = assembled(OneRank(), X, Y).model
    with pytest.raises(UserError, match="The inputs have shape"):
        model(np.ones(shape))
    with pytest.raises(UserError, match="The inputs hold inf in row 1, column 2"):
        model(np.array([[1, 2, 3], [4, 5, np.inf]]))


def test_a_file_that_holds_something_else(tmp_path: Path) -> None:
    files.write(tmp_path / "a.safetensors", {"w": np.zeros(3)}, {"other": {}})
    with pytest.raises(UserError, match=r"a\.safetensors does not hold a model"):
        load_model(tmp_path / "a.safetensors")
    metadata = assembled(OneRank(), X, Y).model.metadata()
    files.write(tmp_path / "b.safetensors", {"w": np.zeros(3)}, {"model": metadata})
    with pytest.raises(UserError, match=r"b\.safetensors holds 3 weights; its architecture needs"):
        load_model(tmp_path / "b.safetensors")


def test_inputs_beyond_the_range_of_the_arithmetic_are_refused() -> None:
    X, Y = regression(20)
    model = assembled(OneRank(), X, Y, dtype="float32").model
    with pytest.raises(UserError, match="The inputs: a value is beyond the range of float32"):
        model(np.full((2, 3), 1e39))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("m", [1, 3])
def test_derivatives_are_those_of_the_predictions_in_the_units_of_the_table(m: int, dtype: str) -> None:
    """Against differences of a model that computes in float64, with this one's weights."""
    X, Y = regression(40, m=m)
    model = assembled(OneRank(), X * [1e-3, 1, 1e6], Y * 1e4, dtype=dtype).model
    double = assembled(OneRank(), X * [1e-3, 1, 1e6], Y * 1e4).model
    double.network.w[:] = model.network.w.astype(dtype)
    X = X * [1e-3, 1, 1e6]
    found = model.derivative(X)
    assert found.shape == (40, m, 3)
    assert found.dtype == np.float64
    for j, step in enumerate(X.std(axis=0) * 1e-5):
        there = np.eye(3)[j] * step
        differences = (double(X + there) - double(X - there)) / (2 * step)
        np.testing.assert_allclose(found[:, :, j], differences, rtol=1e-4, atol=1e-6 * np.abs(differences).max())


def test_derivatives_of_many_rows_take_little_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = assembled(OneRank(), X, Y).model
    at_once = model.derivative(X)
    monkeypatch.setattr("distnn.inference.model.DERIVATIVES", 50)
    np.testing.assert_allclose(model.derivative(X), at_once, rtol=1e-13)
    assert model.derivative(X[:0]).shape == (0, 1, 3)
    with pytest.raises(UserError, match="The inputs hold nan in row 0, column 1"):
        model.derivative(np.array([[1, np.nan, 3]]))


def test_derivatives_by_words_gaps_and_transformed_columns() -> None:
    """Against differences; by words there are none, and a missing value is the one filled in."""
    model, X = mixed(), mixed_rows()
    found = model.derivative(X)
    assert np.isnan(found[:, :, [1, 5]]).all()
    for j in (0, 2, 4):
        low, high = X.copy(), X.copy()
        value = np.array([model.preparation.encodings[j].fill if x is None else x for x in X[:, j]], float)
        filled = np.array([x is None for x in X[:, j]])
        low[:, j], high[:, j] = value * (1 - 1e-6), value * (1 + 1e-6)
        differences = (model(high) - model(low)) / (2e-6 * value)[:, None]
        if model.preparation.encodings[j].indicator:
            differences, found_j = differences[~filled], found[~filled, :, j]
        else:
            found_j = found[:, :, j]
        np.testing.assert_allclose(found_j, differences, rtol=1e-5, atol=1e-8)
