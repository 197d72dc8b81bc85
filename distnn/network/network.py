"""The network: its architecture d, its weights W^(l), and forward propagation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from distnn.errors import UserError
from distnn.kernels import products
from distnn.kernels.memory import empty
from distnn.network.activations import ACTIVATIONS, Activation
from distnn.network.error_functions import output_map
from distnn.streams import stream


def shapes(d: Sequence[int]) -> list[tuple[int, int]]:
    """The shapes (d^(l-1)+1) × d^(l) of W^(1), …, W^(L); row 0 belongs to the bias node."""
    return [(below + 1, above) for below, above in pairwise(d)]


def layers(w: np.ndarray, d: Sequence[int]) -> list[np.ndarray]:
    """W^(1), …, W^(L) as views of the vector w."""
    views, start = [], 0
    for rows, columns in shapes(d):
        views.append(w[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return views


def weight_count(d: Sequence[int]) -> int:
    """|W|, bias rows included."""
    return sum(rows * columns for rows, columns in shapes(d))


class Network:
    """A feed-forward network with architecture d = [d^(0), …, d^(L)].

    d: widths of the layers, bias nodes not counted, L ≥ 1.
    theta: θ of the hidden layers; output_theta: that of the output layer, or "softmax".
    w: all weights in one float64 vector of length |W|, zero at first; W[l-1] is W^(l), a view of w. Replicated.

    UserError if d has fewer than two layers or a width below 1, or a name is unknown.
    """

    def __init__(self, d: Sequence[int], theta: str = "tanh", output_theta: str = "tanh"):
        self.d = tuple(int(width) for width in d)
        if len(self.d) < 2:
            raise UserError(f"The architecture {list(d)} has no layer of weights: give at least inputs and outputs.")
        if min(self.d) < 1:
            raise UserError(
                f"The architecture {list(self.d)} has a layer of width {min(self.d)}: a width is at least 1."
            )
        if theta not in ACTIVATIONS:
            raise UserError(f"There is no activation {theta!r}. Choose from: {', '.join(ACTIVATIONS)}.")
        self.theta, self.output_theta = theta, output_theta
        self._output = output_map(output_theta)
        self.w = np.zeros(weight_count(self.d))
        self.W = layers(self.w, self.d)

    @property
    def L(self) -> int:
        """The number of layers of weights."""
        return len(self.d) - 1

    def initialise(self, seed: int = 0, sigma: float | None = None) -> Network:
        """Draw the weights from N(0, σ²); σ = 1/sqrt(d^(l-1)+1) for each layer unless given. Same on every P."""
        generator = stream(seed, "weights")
        for W in self.W:
            W[...] = generator.standard_normal(W.shape) * (sigma if sigma is not None else W.shape[0] ** -0.5)
        return self

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """The outputs h(x) for every row of X, n × d^(0), as n × d^(L). Local, float64."""
        X = np.asarray(X, np.float64)
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


def forward(W: Sequence[np.ndarray], x: Sequence[np.ndarray], s: np.ndarray, theta: Activation) -> None:
    """Forward propagation: s^(l) = W^(l)ᵀ x^(l-1), x^(l) = [1; θ(s^(l))], for examples in columns.

    x: x^(0), …, x^(L-1), each (d^(l)+1) × rows with row 0 of ones; x^(1) and up are written, below that row.
    s: receives s^(L), d^(L) × rows.
    """
    for W_l, below, above in zip(W, x, x[1:], strict=False):
        products.signals(W_l, below, above[1:])
        theta.apply(above[1:])
    products.signals(W[-1], x[-1], s)
