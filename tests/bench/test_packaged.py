"""The tables of packages: rows of numbers without gaps, and targets; those of packages that may be missing stand in."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas
import pytest

from distnn.bench import packaged
from distnn.errors import UserError

IN_SCIKIT_LEARN = [
    *("diabetes", "linnerud", "friedman1", "friedman2", "friedman3"),
    *("breast cancer", "iris", "wine", "digits"),
]


@pytest.mark.parametrize("name", IN_SCIKIT_LEARN)
def test_those_of_scikit_learn(name: str) -> None:
    X, y = packaged.read(name)
    assert X.dtype == np.float64
    assert np.isfinite(X).all()
    assert len(X) == len(y)
    assert y.dtype.kind in "fU"
    classes = {"breast cancer": 2, "iris": 3, "wine": 3, "digits": 10}
    assert (len(np.unique(y)) if y.dtype.kind == "U" else None) == classes.get(name)


def test_words_become_inputs_and_rows_with_gaps_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pandas.DataFrame(
        {
            "species": ["a", "b", "a", "b"],
            "island": ["x", "y", "x", "x"],
            "body_mass_g": [1.0, 2.0, 3.0, np.nan],
        }
    )
    monkeypatch.setitem(sys.modules, "palmerpenguins", SimpleNamespace(load_penguins=lambda: frame))
    X, y = packaged.read("penguins' mass")
    assert y.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(X, [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    X, y = packaged.read("penguins")
    assert y.tolist() == ["a", "b", "a"]
    assert X.shape == (3, 3)


def test_those_of_vega_and_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = pandas.to_datetime(["1970-01-01", "1971-07-01"])
    cars = pandas.DataFrame({"Name": ["a", "b"], "Miles_per_Gallon": [20.0, 30.0], "Year": dates})
    weather = pandas.DataFrame({"date": dates, "wind": [1.0, 2.0], "weather": ["sun", "rain"]})
    local = SimpleNamespace(cars=lambda: cars, seattle_weather=lambda: weather)
    monkeypatch.setitem(sys.modules, "vega_datasets", SimpleNamespace(local_data=local))
    X, y = packaged.read("cars")
    assert (X.tolist(), y.tolist()) == ([[1970], [1971]], [20, 30])
    X, y = packaged.read("weather")
    assert (X.shape, y.tolist()) == ((2, 3), ["sun", "rain"])
    np.testing.assert_allclose(np.hypot(X[:, 1], X[:, 2]), 1)
    data = pandas.DataFrame({"GPA": [3.0, 2.0], "GRADE": [1.0, 0.0]})
    spector = SimpleNamespace(load_pandas=lambda: SimpleNamespace(data=data))
    api = SimpleNamespace(datasets=SimpleNamespace(spector=spector))
    monkeypatch.setitem(sys.modules, "statsmodels", SimpleNamespace(api=api))
    monkeypatch.setitem(sys.modules, "statsmodels.api", api)
    X, y = packaged.read("spector")
    assert (X.tolist(), y.tolist()) == ([[3], [2]], ["1.0", "0.0"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vega_datasets", None)
    with pytest.raises(UserError, match=r"The table cars needs the package vega_datasets.*distnn\[bench\]"):
        packaged.read("cars")
