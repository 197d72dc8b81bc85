"""What a model of classes gives for probabilities, when its weights are not known to the last digit.

The signals s of the last layer are taken as normal, with the variances v that `certainty.py` knows. The mean of an
output over them is nearly what the network gives for s / √(1 + π v / 8), which draws it towards "I do not know":
MacKay, "The evidence framework applied to classification networks", Neural Computation 4 (1992). For softmax each
signal is shrunk so, which neglects that they vary together.

The log-odds of a class, ln(x / (1 - x)), is normal, too, to first order, and so it has bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from distnn.inference.certainty import Certainty, quantile
from distnn.kernels import algebra, elementary
from distnn.kernels.blocks import Block
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import SoftmaxCrossEntropy


def averaged(certainty: Certainty, engine: Backpropagation, block: Block) -> np.ndarray:
    """The outputs' means over what the weights may be: float64, d^(L) × rows. Local.

    engine: with the model's weights loaded.
    """
    s = engine.signals(block.x).astype(np.float64)
    s /= np.sqrt(1 + math.pi / 8 * certainty.variances(engine, block, _each(s)))
    engine.error_function.output(s)
    return s


def bounds(certainty: Certainty, engine: Backpropagation, block: Block, probability: float) -> np.ndarray:
    """Lower and upper bound of each output: float64, d^(L) × 2 × rows. Local. engine: as for `averaged`."""
    s = engine.signals(block.x).astype(np.float64)
    odds = list(_odds(s) if isinstance(engine.error_function, SoftmaxCrossEntropy) else map(Odds, s, _each(s)))
    variances = certainty.variances(engine, block, (of.top for of in odds))
    middle, reach = np.stack([of.log for of in odds]), quantile(probability) * np.sqrt(variances)
    found = np.stack([middle - reach, middle + reach], axis=1)
    ACTIVATIONS["logistic"].apply(found)
    return found


class Odds(NamedTuple):
    """The log-odds of an output, (rows,), and their derivatives by the signals, d^(L) × rows."""

    log: np.ndarray
    top: np.ndarray


def _each(s: np.ndarray) -> Iterator[np.ndarray]:
    """Of each signal, its derivatives by the signals."""
    for k in range(len(s)):
        top = np.zeros_like(s)
        top[k] = 1
        yield top


def _odds(s: np.ndarray) -> Iterator[Odds]:
    """Of each output of softmax: s_k - ln Σ_j e^{s_j}, j ≠ k. No difference of nearly equal numbers is taken."""
    for k in range(len(s)):
        others = np.delete(s, k, axis=0)
        largest = others.max(axis=0)
        shares = elementary.applied("exp", others - largest)
        total = algebra.column_sums(shares)
        yield Odds(s[k] - largest - elementary.applied("log", total), np.insert(-shares / total, k, 1.0, axis=0))
