"""Examples as networks see them: targets that an error function allows, and rows as a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.network.backpropagation import Block
from distnn.network.error_functions import ERROR_FUNCTIONS

PAIRS = [(error, output) for error, outputs in ERROR_FUNCTIONS.items() for output in outputs]
TRAINABLE = [pair for pair in PAIRS if pair[1] != "sign"]


def targets(error: str, output: str, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Random targets that the error function allows."""
    generator = np.random.default_rng(seed)
    if error == "squared":
        return generator.normal(size=shape)
    y = generator.random(shape)
    return y / y.sum(axis=0) if output == "softmax" else y


def block(X: np.ndarray, Y: np.ndarray, weights: np.ndarray | None = None, dtype: Any = np.float64) -> Block:
    """Rows of X and Y as columns, under a row of ones."""
    x = np.vstack([np.ones(len(X)), X.T]).astype(dtype)
    return Block(x, np.ascontiguousarray(Y.T, dtype), None if weights is None else weights.astype(dtype))
