"""Activation functions θ, each with its derivative beside it. To add one: an entry in ACTIVATIONS.

Both functions work in place on contiguous arrays of any float dtype: nothing is allocated in the hot loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from distnn.errors import UserError
from distnn.kernels import elementary

Chain = Callable[[np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Activation:
    """An elementwise θ.

    apply(s): replaces the signals s by x = θ(s).
    chain(x, delta, scratch): replaces δ by δ ⊗ θ'(s), with θ'(s) written as a function of x = θ(s);
    scratch is an array of the same shape, or x itself, which is then lost. None where θ has no useful derivative.
    bend(x, delta, scratch): the same with the second derivative θ''(s) in place of θ'(s), for products with the
    Hessian; None where nobody has written it.
    low, high: the values that stand for "no" and "yes" when θ is the output of a classifier.
    """

    name: str
    apply: Callable[[np.ndarray], None]
    chain: Chain | None
    bend: Chain | None = None
    low: float = -1.0
    high: float = 1.0

    def require_derivative(self) -> None:
        """Raise UserError if θ cannot be trained."""
        if self.chain is None:
            raise UserError(
                f"The activation {self.name} has no derivative to learn from: a network that uses it can be "
                f"evaluated, not trained. Train with tanh and change to {self.name} afterwards."
            )

    def require_bend(self) -> None:
        """Raise UserError if θ'' is not there."""
        if self.bend is None:
            raise UserError(
                f"The activation {self.name} has no second derivative, which this optimizer needs: take --optimizer "
                "lbfgs."
            )


def _tanh(s: np.ndarray) -> None:
    elementary.apply("tanh", s)


def _tanh_chain(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    np.square(x, out=scratch)
    np.subtract(1, scratch, out=scratch)
    np.multiply(delta, scratch, out=delta)


def _tanh_bend(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    _tanh_chain(x, delta, scratch)
    np.multiply(x, -2, out=scratch)
    np.multiply(delta, scratch, out=delta)


def _logistic(s: np.ndarray) -> None:
    elementary.apply("logistic", s)


def _logistic_chain(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    np.multiply(delta, x, out=delta)
    np.subtract(1, x, out=scratch)
    np.multiply(delta, scratch, out=delta)


def _logistic_bend(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    _logistic_chain(x, delta, scratch)
    np.multiply(x, -2, out=scratch)
    np.add(scratch, 1, out=scratch)
    np.multiply(delta, scratch, out=delta)


def _relu(s: np.ndarray) -> None:
    np.maximum(s, 0, out=s)


def _relu_chain(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    np.sign(x, out=scratch)
    np.multiply(delta, scratch, out=delta)


def _identity(s: np.ndarray) -> None:
    pass


def _identity_chain(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    pass


def _no_bend(x: np.ndarray, delta: np.ndarray, scratch: np.ndarray) -> None:
    delta[...] = 0


def _sign(s: np.ndarray) -> None:
    s[...] = np.where(s >= 0, 1.0, -1.0)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("tanh", _tanh, _tanh_chain, _tanh_bend),
        Activation("logistic", _logistic, _logistic_chain, _logistic_bend, low=0.0),
        Activation("relu", _relu, _relu_chain, _no_bend, low=0.0),
        Activation("identity", _identity, _identity_chain, _no_bend),
        Activation("sign", _sign, None),
    )
}
