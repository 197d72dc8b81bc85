"""The network: its architecture d, its weights W^(l), and the function h(x) that it computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from operator import index
from typing import Any

import numpy as np

from distnn.errors import UserError, shown
from distnn.kernels.elementary import inverse_root
from distnn.kernels.memory import empty
from distnn.kernels.normal import draw
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import output_map
from distnn.network.forward import forward
from distnn.network.weights import layers, weight_count
from distnn.streams import stream

MOST = 2**44  # weights: their bytes would fill all addresses that a process has


class Network:
    """A feed-forward network with architecture d = [d^(0), …, d^(L)].

    d: widths of the layers, bias nodes not counted, L ≥ 1.
    theta: θ of the hidden layers; output_theta: that of the output layer, or "softmax".
    w: all weights in one float64 vector of length |W|, zero at first; W[l-1] is W^(l), a view of w. Replicated.

    UserError if d has fewer than two layers, or a width that is no whole number or below 1, or a name is unknown.
    """

    def __init__(self, d: Sequence[int], theta: str = "tanh", output_theta: str = "tanh"):
        try:
            self.d = tuple(index(width) for width in d)
        except TypeError:
            raise UserError(
                f"d={shown(d)} is no architecture: give the widths of the layers, whole numbers such as [2, 16, 1]."
            ) from None
        if len(self.d) < 2:
            raise UserError(
                f"The architecture {list(self.d)} has no layer of weights: give at least inputs and outputs."
            )
        if min(self.d) < 1:
            raise UserError(
                f"The architecture {list(self.d)} has a layer of width {min(self.d)}: a width is at least 1."
            )
        if weight_count(self.d) > MOST:
            raise UserError(
                f"The architecture {list(self.d)} has {weight_count(self.d):.1e} weights, more than any computer has "
                "memory for: give smaller widths."
            )
        if not isinstance(theta, str) or theta not in ACTIVATIONS:
            raise UserError(f"There is no activation {shown(theta)}. Choose from: {', '.join(ACTIVATIONS)}.")
        self.theta, self.output_theta = theta, output_theta
        self._output = output_map(output_theta)
        self._w = np.zeros(weight_count(self.d))
        self.W = layers(self._w, self.d)

    @property
    def w(self) -> np.ndarray:
        """All weights. What is assigned to it is copied there: W stays views of it, and it float64. Local."""
        return self._w

    @w.setter
    def w(self, values: np.ndarray) -> None:
        self._w[:] = values

    def __repr__(self) -> str:
        return f"Network({list(self.d)}, theta={self.theta!r}, output_theta={self.output_theta!r})"

    def __reduce__(self) -> tuple[Callable[..., Network], tuple[Any, ...]]:
        """For pickle and copy: W is views of w in the copy, too."""
        return _remade, (self.d, self.theta, self.output_theta, self.w)

    @property
    def L(self) -> int:
        """The number of layers of weights."""
        return len(self.d) - 1

    def initialise(self, seed: int = 0, sigma: float | None = None) -> Network:
        """Draw the weights from N(0, σ²); σ = 1/sqrt(d^(l-1)+1) for each layer unless given. Same on every P.

        UserError for a seed that is no whole number from 0 to 2^63 - 1, and a sigma that is no number from 0 on.
        """
        if not isinstance(seed, Integral) or not 0 <= seed < 2**63:
            raise UserError(f"seed={shown(seed)}: give a whole number from 0 to 2^63 - 1.")
        if sigma is not None and not (isinstance(sigma, Real) and 0 <= sigma < 1e300):
            raise UserError(f"sigma={shown(sigma)}: give a number from 0 on, or None.")
        generator = stream(seed, "weights")
        for W in self.W:
            W[...] = draw(generator, W.shape) * (sigma if sigma is not None else inverse_root(len(W)))
        return self

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """The outputs h(x) for every row of X, n × d^(0), as n × d^(L). Local, float64."""
        try:
            X = np.asarray(X, np.float64)
        except (TypeError, ValueError, OverflowError):
            raise UserError("The inputs are no rows of numbers.") from None
        if X.ndim != 2 or X.shape[1] != self.d[0]:
            raise UserError(f"The inputs have shape {X.shape}; this network needs (any, {self.d[0]}).")
        signals = [empty(width + 1, len(X), np.float64) for width in self.d[:-1]]
        for x in signals:
            x[0] = 1
        signals[0][1:] = X.T
        s = np.empty((self.d[-1], len(X)))
        forward(self.W, signals, s, ACTIVATIONS[self.theta])
        self._output.output(s)
        return s.T


def _remade(d: tuple[int, ...], theta: str, output_theta: str, w: np.ndarray) -> Network:
    network = Network(d, theta, output_theta)
    network.w[:] = w
    return network
