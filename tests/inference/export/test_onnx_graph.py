"""The ONNX models, run by onnxruntime, against `Model`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from exporting import KINDS, coded, extreme, mixed, mixed_rows, model, rows, scale, signs

from distnn import UserError, fit
from distnn.inference.export.formula import fingerprint, formula
from distnn.inference.export.onnx_graph import files
from distnn.inference.model import Model

MODELS = {**dict.fromkeys(KINDS), "signs": None}


def of(kind: str) -> Model:
    return signs() if kind == "signs" else model(kind)


def run(content: bytes, X: np.ndarray) -> dict[str, np.ndarray]:
    """Its outputs by name, for the rows of X."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = [put.name for put in session.get_inputs()]
    fed = {"inputs": X} if inputs == ["inputs"] else dict(zip(inputs, np.split(X, X.shape[1], axis=1), strict=True))
    names = [put.name for put in session.get_outputs()]
    return dict(zip(names, session.run(names, fed), strict=True))


@pytest.mark.parametrize("kind", MODELS)
def test_values_are_those_of_the_model(kind: str) -> None:
    X = rows(of(kind))
    found = run(files(formula(of(kind), {}), "m")[".onnx"], X)
    expected, close = of(kind)(X), 1e-12 if of(kind).dtype == "float64" else 1e-6
    if of(kind).preparation.classes is None:
        assert list(found) == list(of(kind).preparation.targets)
        y = np.hstack(list(found.values()))
    else:
        assert list(found) == ["class", "outputs"]
        assert found["class"].tolist() == of(kind).classify(X).tolist()
        y = found["outputs"]
    assert y.dtype == np.float64
    assert np.max(np.abs(y - expected) / scale(of(kind), X)) < close


@pytest.mark.parametrize("kind", ["classes", "two-classes"])
def test_outputs_that_are_NaN_are_of_no_class(kind: str) -> None:
    X = rows(of(kind))
    X[3, 0] = np.inf
    found = run(files(formula(of(kind), {}), "m")[".onnx"], X)
    assert (np.isnan(found["outputs"]).any(axis=1) == (np.arange(len(X)) == 3)).all()
    assert ((found["class"] == "") == (np.arange(len(X)) == 3)).all()


def test_names_opset_and_fingerprint() -> None:
    import onnx

    loaded = onnx.load_from_string(files(formula(model("one-output"), {}), "m")[".onnx"])
    assert [put.name for put in loaded.graph.input] == ["x1", "x2", "x3"]
    assert [put.name for put in loaded.graph.output] == ["y"]
    assert [(used.domain, used.version) for used in loaded.opset_import] == [("", 7)]
    properties = {entry.key: entry.value for entry in loaded.metadata_props}
    assert properties["fingerprint"] == fingerprint(model("one-output"))
    assert json.loads(properties["inputs"]) == ["x1", "x2", "x3"]


def test_a_table_without_names_is_one_input_and_a_name_occurs_once() -> None:
    was = model("wide")
    numbered = replace(was, preparation=replace(was.preparation, inputs=("0", "1", "2"), targets=("3", "4", "5")))
    X = rows(was)
    found = run(files(formula(numbered, {}), "m")[".onnx"], X)
    np.testing.assert_allclose(found["outputs"], was(X), rtol=1e-11)
    same = replace(was, preparation=replace(was.preparation, inputs=("a", "b", "c"), targets=("a", "d", "e")))
    assert list(run(files(formula(same, {}), "m")[".onnx"], X)) == ["predicted a", "d", "e"]


def test_columns_may_have_any_names() -> None:
    """Also those that things inside of the graph have otherwise."""
    was, X = model("wide"), rows(model("wide"))
    inputs, targets = ("_c0", "_0_Sub", "predicted _c0"), ("_c0", "__c1", "e")
    named = replace(was, preparation=replace(was.preparation, inputs=inputs, targets=targets))
    found = run(files(formula(named, {}), "m")[".onnx"], X)
    assert list(found) == ["predicted predicted _c0", "__c1", "e"]
    np.testing.assert_allclose(np.hstack(list(found.values())), was(X), rtol=1e-11)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        UserError, match=r"--to onnx needs the package onnx. Install it with: pip install 'distnn\[onnx"
    ):
        files(formula(model("linear"), {}), "m")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_words_gaps_and_transforms(dtype: str) -> None:
    import onnx
    import onnxruntime

    X, made = extreme(mixed_rows()), mixed(dtype)
    fed = {}
    for j, (name, encoding) in enumerate(zip(made.preparation.inputs, made.preparation.encodings, strict=True)):
        if encoding.kind == "words":
            fed[name] = np.array([[word or ""] for word in X[:, j]], object)
        else:
            fed[name] = coded(X, made)[:, [j]]
    content = files(formula(made, {}), "m")[".onnx"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = np.hstack(session.run(["p", "q", "r"], fed))
    close = 1e-12 if dtype == "float64" else 1e-6
    expected = made(X)
    assert np.max(np.abs(found - expected) / np.abs(expected).max(axis=0)) < close
    versions = {used.domain: used.version for used in onnx.load_from_string(content).opset_import}
    assert versions == {"": 9, "ai.onnx.ml": 1}


@pytest.mark.parametrize(
    ("column", "value"), [("size", 0), ("size", -1), ("size", np.inf), ("age", np.inf), ("rain", -1)]
)
def test_what_the_model_refuses_gives_nothing(column: str, value: float) -> None:
    import onnxruntime

    fed = {"size": 1.5, "wood": "fir", "age": 2.0, "old": 1.0, "rain": 0.5, "kind": "b", column: value}
    arrays = {name: np.array([[one]], object if isinstance(one, str) else float) for name, one in fed.items()}
    content = files(formula(mixed(), {}), "m")[".onnx"]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert all(np.isnan(y).all() for y in session.run(["p", "q", "r"], arrays))


@pytest.mark.parametrize("size", [1.0, 1e-10])
@pytest.mark.parametrize("column", ["x1", "y"])
def test_log1p_of_small_numbers_keeps_its_digits(column: str, size: float) -> None:
    """ONNX has no function for it, nor for the inverse."""
    generator = np.random.default_rng(0)
    X = size * generator.exponential(size=(200, 2))
    y = X[:, 0] * X[:, 1] / size
    made = fit(X, y, hidden=3, optimizer="lbfgs", max_iterations=20, transform={column: "log1p"}).model
    found = run(files(formula(made, {}), "m")[".onnx"], X)
    np.testing.assert_allclose(found["y"], made(X), rtol=0, atol=1e-12 * size)
