"""The lecture's algorithm, one example at a time, in plain Python: what the package is compared with.

Nothing here is vectorised, shared with the package, or clever. Numbers may be complex, for derivatives by a complex
step: E(w + i h v) has the imaginary part h ∇E·v, with no cancellation.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Number = Any  # float or complex
Vector = list[Number]
Matrix = list[Vector]

THETA: dict[str, Callable[[Number], Number]] = {
    "tanh": cmath.tanh,
    "logistic": lambda s: 1 / (1 + cmath.exp(-s)),
    "relu": lambda s: s if s.real > 0 else 0 * s,
    "identity": lambda s: s,
}
THETA_PRIME: dict[str, Callable[[Number], Number]] = {
    "tanh": lambda s: 1 - cmath.tanh(s) ** 2,
    "logistic": lambda s: THETA["logistic"](s) * (1 - THETA["logistic"](s)),
    "relu": lambda s: 1.0 if s.real > 0 else 0.0,
    "identity": lambda s: 1.0,
}


def matrices(w: Sequence[Number], d: Sequence[int]) -> list[Matrix]:
    """W^(1), …, W^(L): W[i][j] leads from node i (0: the bias node) to node j."""
    found, numbers = [], iter(w)
    for below, above in pairwise(d):
        found.append([[next(numbers) for _ in range(above)] for _ in range(below + 1)])
    return found


def forward(W: list[Matrix], x: Sequence[Number], theta: str) -> tuple[list[Vector], list[Vector]]:
    """s^(1), …, s^(L) and x^(0), …, x^(L-1) of one example."""
    signals, outputs = [], [[1.0, *x]]
    for l, W_l in enumerate(W):
        below = outputs[-1]
        s = [sum(W_l[i][j] * below[i] for i in range(len(below))) for j in range(len(W_l[0]))]
        signals.append(s)
        if l < len(W) - 1:
            outputs.append([1.0, *(THETA[theta](s_j) for s_j in s)])
    return signals, outputs


def output(s: Vector, output_theta: str) -> Vector:
    """x^(L)."""
    if output_theta == "softmax":
        total = sum(cmath.exp(s_j) for s_j in s)
        return [cmath.exp(s_j) / total for s_j in s]
    return [THETA[output_theta](s_j) for s_j in s]


def pointwise_error(s: Vector, y: Sequence[float], error: str, output_theta: str) -> Number:
    """e, by its definition."""
    x = output(s, output_theta)
    if error == "squared":
        return sum((x_j - y_j) ** 2 for x_j, y_j in zip(x, y, strict=True))
    if output_theta == "softmax":
        return -sum(y_j * cmath.log(x_j) for x_j, y_j in zip(x, y, strict=True))
    return -sum(y_j * cmath.log(x_j) + (1 - y_j) * cmath.log(1 - x_j) for x_j, y_j in zip(x, y, strict=True))


def last_delta(s: Vector, y: Sequence[float], error: str, output_theta: str) -> Vector:
    """δ^(L) by the chain rule over all outputs: Σ_k ∂e/∂x_k ∂x_k/∂s_j."""
    x, K = output(s, output_theta), range(len(s))
    if error == "squared":
        slope = [2 * (x[k] - y[k]) for k in K]
    elif output_theta == "softmax":
        slope = [-y[k] / x[k] for k in K]
    else:
        slope = [-y[k] / x[k] + (1 - y[k]) / (1 - x[k]) for k in K]
    if output_theta == "softmax":
        return [sum(slope[k] * x[k] * ((j == k) - x[j]) for k in K) for j in K]
    return [slope[j] * THETA_PRIME[output_theta](s[j]) for j in K]


def gradient(W: list[Matrix], x: Sequence[float], y: Sequence[float], names: tuple[str, str, str]) -> list[Matrix]:
    """∇e of one example by backpropagation. names: theta, error, output_theta."""
    theta, error, output_theta = names
    s, outputs = forward(W, x, theta)
    delta = last_delta(s[-1], y, error, output_theta)
    G: list[Matrix] = []
    for l in range(len(W) - 1, -1, -1):
        G.insert(0, [[outputs[l][i] * delta[j] for j in range(len(delta))] for i in range(len(outputs[l]))])
        if l > 0:
            pushed = [sum(W[l][i][j] * delta[j] for j in range(len(delta))) for i in range(1, len(W[l]))]
            delta = [pushed[i] * THETA_PRIME[theta](s[l - 1][i]) for i in range(len(pushed))]
    return G


def E_in(
    w: Sequence[Number], d: Sequence[int], X: Any, Y: Any, names: tuple[str, str, str], weights: Any = None
) -> Number:
    """(1/n) Σ e, n = Σ weights."""
    W, total, n = matrices(w, d), 0.0, 0.0
    for i in range(len(X)):
        weight = 1.0 if weights is None else weights[i]
        s, _ = forward(W, [float(v) for v in X[i]], names[0])
        total += weight * pointwise_error(s[-1], [float(v) for v in Y[i]], names[1], names[2])
        n += weight
    return total / n


def mean_gradient(
    w: Sequence[float], d: Sequence[int], X: Any, Y: Any, names: tuple[str, str, str], weights: Any = None
) -> np.ndarray:
    """G as one vector."""
    W, n = matrices([float(v) for v in w], d), 0.0
    total = [0.0] * len(w)
    for i in range(len(X)):
        weight = 1.0 if weights is None else float(weights[i])
        G = gradient(W, [float(v) for v in X[i]], [float(v) for v in Y[i]], names)
        flat = [value for matrix in G for row in matrix for value in row]
        total = [t + weight * value for t, value in zip(total, flat, strict=True)]
        n += weight
    return np.array([complex(t).real / n for t in total])


def slope(
    w: np.ndarray, v: np.ndarray, d: Sequence[int], X: Any, Y: Any, names: tuple[str, str, str], weights: Any = None
) -> float:
    """∇E_in · v by a complex step."""
    h = 1e-30
    moved = [complex(a, h * b) for a, b in zip(w, v, strict=True)]
    return complex(E_in(moved, d, X, Y, names, weights)).imag / h
