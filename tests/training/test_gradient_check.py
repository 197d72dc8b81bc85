"""A wrong gradient is found, and a right one is not blamed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tables import assembled, regression

from distnn.network import backpropagation
from distnn.network.error_functions import ERROR_FUNCTIONS
from distnn.parallel.ranks import OneRank
from distnn.runs.assembly import Assembly
from distnn.training.gradient_check import Difference, check_gradient, expected_error

X, Y = regression(700, d=3, m=2)


def differences(assembly: Assembly, seed: int) -> list[Difference]:
    return check_gradient(assembly.objective, assembly.model.network.w, seed)


@pytest.mark.parametrize("fault", ["a layer", "one weight"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_gradient_is_found(fault: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = backpropagation.Backpropagation.gradient

    def gradient(self: backpropagation.Backpropagation, block: Any, out: np.ndarray) -> float:
        E = right(self, block, out)
        first = out[: self.W[0].size]
        if fault == "a layer":
            first *= 1.1
        else:
            first.reshape(self.W[0].shape)[0] = 0  # as if bias rows were forgotten
        return E

    assembly = assembled(OneRank(), X, Y, hidden=(3,), dtype=dtype)
    limit = expected_error(dtype)
    assert all(found.error < limit for found in differences(assembly, 0))
    monkeypatch.setattr(backpropagation.Backpropagation, "gradient", gradient)
    wrong = {found.where for found in differences(assembly, 0) if not found.error < limit}
    assert "W^(1)" in wrong and wrong <= {"W^(1)", "all of w"}


@pytest.mark.parametrize("error", ERROR_FUNCTIONS)
@pytest.mark.parametrize("theta", ["tanh", "relu", "logistic"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("hidden", [(), (8, 5)])
def test_right_gradients_are_not_blamed(error: str, theta: str, dtype: str, hidden: tuple[int, ...]) -> None:
    output = "logistic" if error == "cross-entropy" else "identity"
    y = (Y[:, :1] > Y[:, :1].mean()).astype(float)
    for seed in range(3):
        options = {"error": error, "output_theta": output, "theta": theta, "dtype": dtype, "seed": seed}
        assembly = assembled(OneRank(), X, y, hidden=hidden, **options)
        for found in differences(assembly, seed):
            assert found.error < expected_error(dtype) / 2, found
