"""Classes: their names, order and numbers, and the outputs that stand for them."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.data.classes import Classes, class_name, sort_names

NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize("output", ["softmax", "logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_become_outputs_and_come_back(K: int, output: str, dtype: type) -> None:
    classes, codes = Classes(NAMES[:K], output), np.array([1, 0, K - 1, 1, 0])
    y = classes.encode(codes, dtype)
    assert (y.dtype, y.shape) == (dtype, (classes.width, 5))
    assert classes.width == (1 if K == 2 and output != "softmax" else K)
    assert set(y.ravel().tolist()) == set(classes.levels)
    assert classes.decode(y).tolist() == codes.tolist()


def test_an_output_between_the_levels_is_of_the_nearer_class() -> None:
    assert Classes(("no", "yes"), "tanh").decode(np.array([[-0.9, -0.1, 0.1]])).tolist() == [0, 0, 1]
    assert Classes(("no", "yes"), "logistic").decode(np.array([[0.1, 0.4, 0.6]])).tolist() == [0, 0, 1]
    assert Classes(NAMES, "softmax").decode(np.array([[0.1], [0.3], [0.4], [0.2]])).tolist() == [2]


def test_names() -> None:
    assert [class_name(value) for value in (3.0, -0.0, 2.5, 1e300)] == ["3", "0", "2.5", str(int(1e300))]
    assert sort_names(["b", "10", "9", "b"]) == ("10", "9", "b")
    assert sort_names(["10", "9", "-1.5", "9"]) == ("-1.5", "9", "10")
