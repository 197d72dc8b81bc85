"""Backpropagation over one block of examples: the hot loop.

    δ^(L) from the error function,   δ^(l) = W^(l+1) δ^(l+1) ⊗ θ'(s^(l)), bias row left out,
    Σ_i x_i^(l-1) δ_i^(l)ᵀ for each layer, and Σ_i e_i beside it.

Examples are columns. The passes through the layers, up to s^(L) and from δ^(L) down to G, are made either by numpy,
layer by layer (layerwise.py), or by compiled code, all layers at once (fused.py) or in tiles (tiled.py); between the
two the error function is at work, which may be any; compiled code makes all of it in one call for those that it knows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from distnn.kernels import algebra
from distnn.kernels.blocks import Block
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import SquaredError, error_function
from distnn.network.network import Network
from distnn.network.passes import passes
from distnn.network.weights import layers, weight_count


class Backpropagation:
    """Sums of e and of the gradient over a block, in float64 or float32 arithmetic. Local.

    network: gives d and θ; its weights are not used: `load(w)` says which weights to use.
    error: name of the error function. dtype: of the blocks and of all arithmetic in them.
    UserError for a bad value of DISTNN_FUSED.
    """

    def __init__(self, network: Network, error: str, dtype: np.dtype | type = np.float64):
        self.d, self.dtype = network.d, np.dtype(dtype)
        self.theta = ACTIVATIONS[network.theta]
        self.error_function = error_function(error, network.output_theta)
        self.passes = passes(self.d, self.theta, self.dtype)
        self._W: list[np.ndarray] | None = None
        self.shares: np.ndarray | None = None
        self.load(np.zeros(weight_count(self.d)))

    def load(self, w: np.ndarray, shares: np.ndarray | None = None) -> None:
        """Use the weights w (float64, |W|, not to be changed meanwhile) from now on, rounded to dtype.

        shares: of a sum of squares, what each output's square is multiplied with, float64 (d^(L),); None for 1.
        """
        self._w, self._W = w, None
        self.passes.load(w)
        if shares is None and self.shares is None:
            return
        self.shares = None if shares is None else shares[:, None]
        if isinstance(self.error_function, SquaredError):
            self.error_function = replace(self.error_function, shares=self.shares)

    @property
    def w(self) -> np.ndarray:
        """The weights loaded, float64 (|W|,)."""
        return self._w

    @property
    def W(self) -> list[np.ndarray]:
        """The weights loaded, as W^(1), …, W^(L) of dtype: for sums other than those here."""
        if self._W is None:
            self._W = layers(self._w.astype(self.dtype, copy=False), self.d)
        return self._W

    def require_derivatives(self) -> None:
        """Raise UserError if this network cannot be trained."""
        if len(self.d) > 2:
            self.theta.require_derivative()
        self.error_function.require_derivative()

    def gradient(self, block: Block, out: np.ndarray) -> float:
        """Write Σ_i ∇e_i to out (of dtype, |W|), and return Σ_i e_i, always float64; with the examples' weights."""
        return self._total(block, out)

    def error(self, block: Block) -> float:
        """Σ_i e_i with the examples' weights; forward propagation only."""
        return self._total(block, None)

    def squares(self, block: Block, out: np.ndarray) -> None:
        """Write Σ_i (x_j - y_j)² of each output j, with the examples' weights, to out: float64, d^(L)."""
        out[:] = 0
        for columns, s in self.passes.forward(block.x):
            self.error_function.output(s)
            s -= block.y[:, columns]
            e = np.square(s, dtype=np.float64)
            out += algebra.row_sums(e if block.weights is None else e * block.weights[columns])

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """x^(L), d^(L) × rows, for x^(0) of shape (d^(0)+1) × rows."""
        outputs = np.empty((self.d[-1], x.shape[1]), self.dtype)
        for columns, s in self.passes.forward(x):
            self.error_function.output(s)
            outputs[:, columns] = s
        return outputs

    def signals(self, x: np.ndarray) -> np.ndarray:
        """s^(L), d^(L) × rows, for x^(0) of shape (d^(0)+1) × rows."""
        signals = np.empty((self.d[-1], x.shape[1]), self.dtype)
        for columns, s in self.passes.forward(x):
            signals[:, columns] = s
        return signals

    def _total(self, block: Block, G: np.ndarray | None) -> float:
        """Σ_i e_i with the examples' weights; Σ_i ∇e_i is written to G, if any."""
        found = self.passes.in_one_call(self.error_function, block, G)
        if found is not None:
            return found
        total = 0.0  # one after another: sum() has other bits from Python 3.12 on
        for columns, s, *delta in self.passes.forward(block.x) if G is None else self.passes.gradient(block.x, G):
            weights = None if block.weights is None else block.weights[columns]
            total += self.error_function.total(s, block.y[:, columns], weights, delta[0] if delta else None)
        return total
