"""Every error function with every output map: e and δ^(L) by definition, and no overflow where signals are large."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from examples import PAIRS, TRAINABLE, targets

from distnn.errors import UserError
from distnn.network.error_functions import (
    ERROR_FUNCTIONS,
    OUTPUTS_OF,
    error_function,
    is_sum_of_squares,
    output_map,
    takes_probabilities,
)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize(("error", "output"), TRAINABLE)
def test_error_and_delta(error: str, output: str, width: int, rows: int, dtype: type) -> None:
    s = (np.random.default_rng(1).normal(size=(width, rows)) * 2).astype(dtype)
    y = targets(error, output, (width, rows)).astype(dtype)
    function = error_function(error, output)
    delta = np.full_like(s, np.nan)
    e = function.error(s.copy(), y, delta)
    tolerance = 100 * float(np.finfo(dtype).eps)
    for j in range(rows):
        signals, wanted = s[:, j].astype(float).tolist(), y[:, j].astype(float).tolist()
        assert e[j] == pytest.approx(
            complex(oracles.pointwise_error(signals, wanted, error, output)).real, rel=tolerance, abs=tolerance
        )
        steps = [
            oracles.pointwise_error([s_k + 1e-30j * (k == i) for k, s_k in enumerate(signals)], wanted, error, output)
            for i in range(width)
        ]
        np.testing.assert_allclose(delta[:, j], [step.imag / 1e-30 for step in steps], rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(function.error(s.copy(), y, None), e)
    assert e.dtype == np.float64


@pytest.mark.parametrize(("error", "output"), PAIRS)
def test_output(error: str, output: str) -> None:
    s = np.random.default_rng(2).normal(size=(3, 5))
    x = s.copy()
    error_function(error, output).output(x)
    for j in range(5):
        column = s[:, j].tolist()
        expected = [1 if v >= 0 else -1 for v in column] if output == "sign" else oracles.output(column, output)
        np.testing.assert_allclose(x[:, j], np.real(expected), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("output", ERROR_FUNCTIONS["cross-entropy"])
def test_cross_entropy_does_not_overflow(output: str, dtype: type) -> None:
    s = np.array([[1000, -1000, 3e4], [-1000, 1000, -3e4]], dtype)
    y = np.array([[1, 1, 0], [0, 0, 1]], dtype)
    delta = np.empty_like(s)
    with np.errstate(all="raise", under="ignore"):
        e = error_function("cross-entropy", output).error(s.copy(), y, delta)
    assert e.tolist() == [0, 2000, 6e4]
    assert delta.tolist() == [[0, -1, 1], [0, 1, -1]]


@pytest.mark.parametrize(
    ("error", "output"), [("squared", "identity"), ("cross-entropy", "logistic"), ("cross-entropy", "softmax")]
)
def test_errors_in_float32_may_be_beyond_its_range(error: str, output: str) -> None:
    """Where δ is finite: e is float64."""
    s, y = np.float32([[-1.5 * 2.0**127], [2.0**127], [0]]), np.float32([[1], [0], [0]])
    if error == "squared":
        s, y = np.float32([[2.0**100], [-(2.0**100)], [1]]), np.float32([[2.0**80], [-(2.0**80)], [1]])
    expected = {"squared": 2 * (2.0**100 - 2.0**80) ** 2, "cross-entropy": 2.5 * 2.0**127}[error]
    for delta in (np.empty_like(s), None):
        with np.errstate(all="ignore"):
            e = error_function(error, output).error(s.copy(), y, delta)
        assert e.dtype == np.float64
        assert e.tolist() == pytest.approx([expected])
        assert delta is None or np.isfinite(delta).all()


def test_targets_of_softmax_need_not_sum_to_one() -> None:
    """δ = x Σ y - y: by central differences, since such targets come from weights and from soft labels."""
    function = error_function("cross-entropy", "softmax")
    s, y = np.array([[0.3], [-0.8], [1.1]]), np.array([[2.0], [0.5], [0.0]])
    delta = np.empty_like(s)
    function.error(s.copy(), y, delta)
    for j in range(3):
        up, down = s.copy(), s.copy()
        up[j] += 1e-6
        down[j] -= 1e-6
        difference = function.error(up, y, None)[0] - function.error(down, y, None)[0]
        assert delta[j, 0] == pytest.approx(difference / 2e-6, rel=1e-8)


def test_what_does_not_go_together() -> None:
    with pytest.raises(UserError, match=r"There is no error function 'absolute'\. Choose from: squared, cross-entropy"):
        error_function("absolute", "tanh")
    with pytest.raises(UserError, match=r"cross-entropy does not go with the output 'tanh'\. .* softmax, logistic"):
        error_function("cross-entropy", "tanh")
    with pytest.raises(UserError, match=r"There is no output 'soft'\. Choose from: tanh, .*softmax"):
        output_map("soft")
    with pytest.raises(UserError, match="sign has no derivative"):
        error_function("squared", "sign").require_derivative()
    for error, output in TRAINABLE:
        error_function(error, output).require_derivative()
        output_map(output)


def test_every_error_function_has_outputs_of_its_own() -> None:
    assert OUTPUTS_OF.keys() == ERROR_FUNCTIONS.keys()
    for error, suiting in OUTPUTS_OF.items():
        assert set(suiting) <= ERROR_FUNCTIONS[error].keys()


def test_what_kind_an_error_function_is() -> None:
    assert [name for name in ERROR_FUNCTIONS if is_sum_of_squares(name)] == ["squared"]
    assert [name for name in ERROR_FUNCTIONS if takes_probabilities(name)] == ["cross-entropy"]
    assert not is_sum_of_squares("none") and not takes_probabilities("none") and not takes_probabilities(None)
