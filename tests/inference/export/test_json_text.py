"""The JSON text, read as its schema in docs/exports.md says, against `Model`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from exporting import KINDS, mixed, mixed_rows, model, rows, scale, signs

from distnn.inference.export.formula import formula
from distnn.inference.export.json_text import files
from distnn.inference.model import Model

THETAS = {
    "tanh": np.tanh,
    "logistic": lambda s: 0.5 * (1 + np.tanh(0.5 * s)),
    "relu": lambda s: np.maximum(s, 0),
    "identity": lambda s: s,
    "sign": lambda s: np.where(s >= 0, 1.0, -1.0),
    "softmax": lambda s: np.exp(s - s.max(axis=1)[:, None]) / np.exp(s - s.max(axis=1)[:, None]).sum(axis=1)[:, None],
}


def computed(text: dict[str, Any], X: np.ndarray) -> np.ndarray:
    """What it says of the rows of X, as the schema is to be read."""
    step = {key: np.array(values) for key, values in text["standardise"].items()}
    x = (X - step["shift"] - step["mean"]) / step["divisor"]
    for layer in text["layers"]:
        x = THETAS[layer["theta"]](x @ np.array(layer["W"]) + np.array(layer["b"]))
    if text["undo"] is None:
        return x
    step = {key: np.array(values) for key, values in text["undo"].items()}
    return x * step["divisor"] + step["mean"] + step["shift"]


@pytest.mark.parametrize("kind", [*KINDS, "signs"])
def test_values_are_those_of_the_model(kind: str) -> None:
    made: Model = signs() if kind == "signs" else model(kind)
    text = json.loads(files(formula(made, {}), "m")[".json"])
    X = rows(made)
    assert np.max(np.abs(computed(text, X) - made(X)) / scale(made, X)) < 8 * np.finfo(made.dtype).eps
    if made.preparation.classes:
        y = computed(text, X)
        codes = (y[:, 0] > text["threshold"]).astype(int) if text["threshold"] is not None else y.argmax(axis=1)
        assert [text["classes"][code] for code in codes] == made.classify(X).tolist()


def test_names_and_units() -> None:
    text = json.loads(files(formula(model("wide"), {"x2": "m", "y1": "kg"}), "m")[".json"])
    assert [column["name"] for column in text["columns"]] == ["x1", "x2", "x3"]
    assert [column["unit"] for column in text["columns"]] == [None, "m", None]
    assert [(output["name"], output["unit"]) for output in text["outputs"]] == [
        ("y1", "kg"),
        ("y2", None),
        ("y3", None),
    ]
    assert (text["format"], text["name"], text["dtype"]) == (1, "m", "float64")


def test_words_gaps_and_transforms() -> None:
    text = json.loads(files(formula(mixed(), {}), "m")[".json"])
    z = []
    for j, column in enumerate(text["columns"]):
        values = mixed_rows()[:, j]
        gaps = np.array([value is None for value in values])
        if column["kind"] == "words":
            z += [values == word for word in column["categories"]]
        else:
            filled = np.array([column["fill"] if value is None else value for value in values], float)
            z.append({"log": np.log, "log1p": np.log1p, None: np.array}[column["transform"]](filled))
        z += [gaps] * column["indicator"]
    y = computed(text, np.stack(z, axis=1).astype(float))
    for k, output in enumerate(text["outputs"]):
        y[:, k] = {"log": np.exp, "log1p": np.expm1, None: np.array}[output["transform"]](y[:, k])
    np.testing.assert_allclose(y, mixed()(mixed_rows()), rtol=1e-12)
