"""∂x^(L)/∂x^(0): how the outputs of a network change with its inputs, exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distnn.kernels.algebra import row_products
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import output_map


def require_derivative(theta: str, output_theta: str, L: int) -> None:
    """Raise UserError if a network of L layers of weights with these activations has no derivatives."""
    for name in (theta, output_theta) if L > 1 else (output_theta,):
        if name in ACTIVATIONS:
            ACTIVATIONS[name].require_derivative()


def derivative(W: Sequence[np.ndarray], theta: str, output_theta: str, X: np.ndarray) -> np.ndarray:
    """∂x_k^(L)/∂x_j^(0) at the rows of X, r × d^(0), float64: r × d^(L) × d^(0). Local.

    By backpropagation from each output: with δ_k^(L) = ∂x_k^(L)/∂s^(L), δ_k^(l) = W^(l+1) δ_k^(l+1) ⊗ θ'(s^(l)), and
    W^(1) δ_k^(1) is what is wanted. Where relu is 0, so is its derivative. W: the weights, float64.
    """
    x = [X]
    for W_l in W[:-1]:
        s = row_products(x[-1], W_l[1:].T) + W_l[0]
        ACTIVATIONS[theta].apply(s)
        x.append(s)
    outputs = np.ascontiguousarray((row_products(x[-1], W[-1][1:].T) + W[-1][0]).T)
    output_map(output_theta).output(outputs)
    m = len(outputs)
    delta = np.broadcast_to(np.eye(m), (len(X), m, m)).copy()  # row, output k, unit
    _through(output_theta, outputs.T, delta)
    for W_l, below in zip(W[:0:-1], x[:0:-1], strict=True):
        delta = _back(W_l, delta)
        _through(theta, below, delta)
    return _back(W[0], delta)


def _back(W: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """W δ without the bias's row, for each output: rows × outputs × units."""
    rows, outputs, units = delta.shape
    return row_products(delta.reshape(-1, units), W[1:]).reshape(rows, outputs, len(W) - 1)


def _through(theta: str, x: np.ndarray, delta: np.ndarray) -> None:
    """Take delta, r × output × unit, in place through θ, whose values are x, r × unit."""
    values = np.broadcast_to(x[:, None], delta.shape)
    if theta in ACTIVATIONS:
        chain = ACTIVATIONS[theta].chain
        assert chain is not None  # see require_derivative
        chain(values, delta, np.empty_like(delta))
    else:  # softmax: ∂x_k/∂s_j is x_k (1 - x_k) for j = k, and -x_k x_j else
        delta -= row_products((delta * values).reshape(-1, delta.shape[-1]), np.ones((1, delta.shape[-1]))).reshape(
            *delta.shape[:-1], 1
        )
        delta *= values
