"""What exporters are given: numbers that compute what the model does, and names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exporting import KINDS, model, rows, scale

from distnn import UserError
from distnn.inference.export.formula import Formula, formula
from distnn.network.network import Network


def computed(formula: Formula, X: np.ndarray) -> np.ndarray:
    """The formula in plain numpy, by `Network` for a layer each."""
    x = (X - formula.standardise.shift - formula.standardise.mean) / formula.standardise.divisor
    for layer in formula.layers:
        network = Network(layer.W.shape, output_theta=layer.theta)
        network.w[:] = np.vstack([layer.b, layer.W]).ravel()
        x = network(x)
    return x if formula.undo is None else x * formula.undo.divisor + formula.undo.mean + formula.undo.shift


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_the_model_does(kind: str) -> None:
    X, found = rows(model(kind)), formula(model(kind), {})
    close = 8 * np.finfo(found.dtype).eps
    assert np.max(np.abs(computed(found, X) - model(kind)(X)) / scale(model(kind), X)) < close
    assert found.d == model(kind).network.d


def test_numbers_are_rounded_as_the_model_rounds_them() -> None:
    found = formula(model("float32"), {})
    for numbers in (found.layers[1].W, found.layers[0].b, found.standardise.mean, found.standardise.divisor):
        assert numbers.dtype == np.float64
        np.testing.assert_array_equal(numbers, numbers.astype(np.float32))
    assert (found.standardise.shift != found.standardise.shift.astype(np.float32)).any()


def test_names() -> None:
    assert formula(model("wide"), {}).outputs == ("y1", "y2", "y3")
    assert formula(model("two-classes"), {}).outputs == ("output pear",)
    assert formula(model("two-classes"), {}).threshold == 0
    assert formula(model("classes"), {}).outputs == ("output apple", "output pear", "output plum", "output quince")
    assert formula(model("classes"), {}).threshold is None
    assert formula(model("one-output"), {"x1": "Pa"}).described("x1") == "x1 [Pa]"


def test_a_unit_that_stands_in_the_name_is_not_said_twice() -> None:
    found = replace(formula(model("one-output"), {}), units={"p [Pa]": "Pa", "q [Pa]": "m"})
    assert [found.described(name) for name in ("p [Pa]", "q [Pa]", "r")] == ["p [Pa]", "q [Pa] [m]", "r"]
    assert formula(model("one-output"), {"x1": "m"}).described("x1") == "x1 [m]"
    assert formula(model("one-output"), {"x1": "m"}).described("x2") == "x2"
    with pytest.raises(UserError, match=r"--units x9=m: the model has no input or target of that name"):
        formula(model("one-output"), {"x9": "m"})
