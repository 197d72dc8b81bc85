"""Error functions e(x^(L), y), each with its sensitivity δ^(L) = ∂e/∂s^(L) in closed form beside it.

To add one: a class below and its entry in ERROR_FUNCTIONS. An error function belongs to an output map, which
turns the last layer's signals s^(L) into outputs x^(L): an elementwise θ, or softmax over the outputs of an example.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from distnn.errors import UserError, shown
from distnn.kernels import algebra, elementary
from distnn.kernels.error_total import error_total
from distnn.network.activations import ACTIVATIONS, Activation


class ErrorFunction(Protocol):
    """A pointwise error together with its output map.

    probabilities: its targets lie between 0 and 1. shares: d^(L) × 1, what each output's square is multiplied with, of
    squared error; None for 1.
    """

    probabilities: ClassVar[bool]
    shares: np.ndarray | None = None

    @property
    def name(self) -> str:
        """That of the error function and of the output, which is one of ERRORS where compiled code has `total`."""

    def output(self, s: np.ndarray) -> None:
        """Replace the signals s, d^(L) × rows, in place by the outputs x^(L)."""

    def error(self, s: np.ndarray, y: np.ndarray, delta: np.ndarray | None) -> np.ndarray:
        """The errors e of each example, float64 (rows,), from the signals s and targets y, both d^(L) × rows.

        e is float64 whatever the dtype of s: that of finite s and y in float32 may be beyond the range of these.
        s is overwritten. δ^(L), of the same shape, is written to delta unless that is None.
        """

    def total(self, s: np.ndarray, y: np.ndarray, weights: np.ndarray | None, delta: np.ndarray | None) -> float:
        """Σ_i weight_i e_i over the examples, float64; weights: (rows,), None for 1.

        As `error`; what is written to delta are the weight_i δ_i^(L).
        """
        found = error_total(self.name, s, y, self.shares, weights, delta)
        if found is not None:
            return found
        e = self.error(s, y, delta)
        if weights is None:
            return algebra.total(e)
        if delta is not None:
            delta *= weights
        return algebra.total(e * weights)

    def curvature(self, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> None:
        """Replace v, d^(L) × rows, in place by ∂δ^(L)/∂s^(L) v; x: the outputs x^(L). For products with the Hessian."""

    def root(self, x: np.ndarray, j: int) -> np.ndarray:
        """Column j of R, d^(L) × rows, with R Rᵀ = ∂δ^(L)/∂s^(L); x: the outputs x^(L). For Gauss-Newton.

        Of squared error R Rᵀ is half of that, without the part with θ'': R is θ'(s^(L)) on its diagonal.
        """

    def require_derivative(self) -> None:
        """Raise UserError if the output map cannot be trained."""


@dataclass(frozen=True)
class SquaredError(ErrorFunction):
    """e = Σ_j (x_j - y_j)², the lecture's: δ_j = 2 (x_j - y_j) θ'(s_j)."""

    theta: Activation
    shares: np.ndarray | None = field(default=None, compare=False)
    probabilities: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"squared {self.theta.name}"

    def output(self, s: np.ndarray) -> None:
        self.theta.apply(s)

    def error(self, s: np.ndarray, y: np.ndarray, delta: np.ndarray | None) -> np.ndarray:
        self.theta.apply(s)
        if delta is None:
            delta = s
        np.subtract(s, y, out=delta)
        squares = np.square(delta, dtype=np.float64)
        e = algebra.column_sums(squares if self.shares is None else squares * self.shares)
        if delta is not s:
            np.add(delta, delta, out=delta)
            if self.shares is not None:
                delta *= self.shares.astype(delta.dtype)
            if self.theta.chain is not None:
                self.theta.chain(s, delta, s)
        return e

    def curvature(self, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> None:
        scratch, bent = np.empty_like(v), 2 * (x - y) * v
        self.theta.bend(x, bent, scratch)  # type: ignore[misc]
        v *= 2
        for _ in range(2):
            self.theta.chain(x, v, scratch)  # type: ignore[misc]
        v += bent
        if self.shares is not None:
            v *= self.shares.astype(v.dtype)

    def root(self, x: np.ndarray, j: int) -> np.ndarray:
        slope, root = np.ones_like(x[j]), np.zeros_like(x)
        self.theta.chain(x[j], slope, np.empty_like(slope))  # type: ignore[misc]
        root[j] = slope
        return root

    def require_derivative(self) -> None:
        self.theta.require_derivative()


@dataclass(frozen=True)
class LogisticCrossEntropy(ErrorFunction):
    """e = -Σ_j [y_j ln x_j + (1 - y_j) ln(1 - x_j)] with x = 1 / (1 + e^-s) and y in [0, 1]: δ = x - y.

    Written with s as max(s, 0) - y s + ln(1 + e^-|s|), which neither overflows nor takes ln 0.
    """

    probabilities: ClassVar[bool] = True
    name: ClassVar[str] = "cross-entropy logistic"

    def output(self, s: np.ndarray) -> None:
        ACTIVATIONS["logistic"].apply(s)

    def error(self, s: np.ndarray, y: np.ndarray, delta: np.ndarray | None) -> np.ndarray:
        rest = elementary.applied("exp", -np.abs(s))
        elementary.apply("log1p", rest)
        e = np.maximum(s, 0) - np.multiply(y, s, dtype=np.float64) + rest
        self.output(s)
        if delta is not None:
            np.subtract(s, y, out=delta)
        return algebra.column_sums(e)

    def curvature(self, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> None:
        v *= x * (1 - x)

    def root(self, x: np.ndarray, j: int) -> np.ndarray:
        root = np.zeros_like(x)
        root[j] = np.sqrt(x[j] * (1 - x[j]))
        return root

    def require_derivative(self) -> None:
        pass


@dataclass(frozen=True)
class SoftmaxCrossEntropy(ErrorFunction):
    """e = -Σ_j y_j ln x_j with x_j = e^{s_j} / Σ_k e^{s_k} and y ≥ 0: δ = x Σ_k y_k - y, for classes x - y.

    Written as Σ_j y_j (ln Σ_k e^{s_k} - s_j), with the largest s of each example subtracted first.
    """

    probabilities: ClassVar[bool] = True
    name: ClassVar[str] = "cross-entropy softmax"

    def output(self, s: np.ndarray) -> None:
        s -= s.max(axis=0)
        elementary.apply("exp", s)
        s /= algebra.column_sums(s)

    def error(self, s: np.ndarray, y: np.ndarray, delta: np.ndarray | None) -> np.ndarray:
        wide = s if s.dtype == np.float64 else s.astype(np.float64)
        wide -= wide.max(axis=0)
        total = algebra.column_sums(y)
        e = -algebra.column_sums(y * wide)
        if wide is not s:
            np.copyto(s, wide, casting="same_kind")
        elementary.apply("exp", s)
        norm = algebra.column_sums(s)
        e += total * elementary.applied("log", norm)
        if delta is not None:
            np.multiply(s, total / norm, out=delta)
            np.subtract(delta, y, out=delta)
        return e

    def curvature(self, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> None:
        v -= algebra.column_sums(x * v)
        v *= x * algebra.column_sums(y)

    def root(self, x: np.ndarray, j: int) -> np.ndarray:
        """√x_j (e_j - x), for targets that add up to 1: Σ_j of their squares is diag(x) - x xᵀ."""
        root: np.ndarray = -x
        root[j] += 1
        root *= np.sqrt(x[j])
        return root

    def require_derivative(self) -> None:
        pass


ERROR_FUNCTIONS: dict[str, dict[str, ErrorFunction]] = {
    "squared": {name: SquaredError(theta) for name, theta in ACTIVATIONS.items()},
    "cross-entropy": {"softmax": SoftmaxCrossEntropy(), "logistic": LogisticCrossEntropy()},
}

# The output that suits an error function where none is named: for numbers, and for classes.
OUTPUTS_OF = {"squared": ("identity", "tanh"), "cross-entropy": ("logistic", "softmax")}


def error_function(error: str, output_theta: str) -> ErrorFunction:
    """The error function `error` for the output map `output_theta`. UserError if the two do not go together."""
    if error not in ERROR_FUNCTIONS:
        raise UserError(f"There is no error function {error!r}. Choose from: {', '.join(ERROR_FUNCTIONS)}.")
    outputs = ERROR_FUNCTIONS[error]
    if output_theta not in outputs:
        raise UserError(
            f"The error function {error} does not go with the output {output_theta!r}. "
            f"Choose the output from: {', '.join(outputs)}."
        )
    return outputs[output_theta]


def output_map(output_theta: str) -> ErrorFunction:
    """An error function that has this output map, for applying a network. UserError for an unknown name."""
    for outputs in ERROR_FUNCTIONS.values():
        if isinstance(output_theta, str) and output_theta in outputs:
            return outputs[output_theta]
    known = dict.fromkeys(name for outputs in ERROR_FUNCTIONS.values() for name in outputs)
    raise UserError(f"There is no output {shown(output_theta)}. Choose from: {', '.join(known)}.")


def is_sum_of_squares(error: str) -> bool:
    """Whether this error function is one, as Gauss-Newton methods need it. False for an unknown one."""
    return any(isinstance(function, SquaredError) for function in ERROR_FUNCTIONS.get(error, {}).values())


def takes_probabilities(error: str | None) -> bool:
    """Whether targets of this error function lie between 0 and 1. False for an unknown one."""
    return error is not None and any(function.probabilities for function in ERROR_FUNCTIONS.get(error, {}).values())


def output_theta(error_function: ErrorFunction) -> Activation:
    """θ of the output layer. ValueError if the error function is no sum of squares."""
    if not isinstance(error_function, SquaredError):
        raise ValueError("an error function that is no sum of squares")
    return error_function.theta
