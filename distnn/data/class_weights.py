"""Classes that weigh more or less than others: by a table, or so that all weigh the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distnn.data.classes import Classes
from distnn.data.shelf import Shelf
from distnn.data.weights import power
from distnn.errors import UserError
from distnn.kernels.algebra import total
from distnn.kernels.blocks import Block, Cut
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

BALANCED = "balanced"


class Labels(NamedTuple):
    """Of the rows of a block: names of classes (r,), and weights (r,) or None."""

    words: np.ndarray
    weights: np.ndarray | None


def factors(wanted: Sequence[str], classes: Classes, train: Shelf, cut: Cut, ranks: Ranks) -> np.ndarray:
    """What the weights of the examples of each class are multiplied by, float64 (K,). Collective, replicated.

    wanted: "balanced", for n / (K n_k), with n_k the weight of class k among the rows trained on; or CLASS=WEIGHT, 1
    for a class that is not named. UserError for a class that there is not, or a weight that is none.
    """
    K = len(classes.names)
    if list(wanted) != [BALANCED]:
        return _table(wanted, classes)

    parts = train.view(Labels)

    def term(j: int, out: np.ndarray) -> None:
        words, weights = parts[j]
        out[:] = np.bincount(classes.codes(words)[0], weights, minlength=K)

    held = ExactSum(ranks, [1] * K, len(parts), cut.count)(term)
    with np.errstate(divide="ignore"):
        return np.where(held > 0, total(held) / (np.count_nonzero(held) * held), 1.0)


def multiply(shelf: Shelf, classes: Classes, factors: np.ndarray) -> None:
    """Multiply the weights of rows by those of their classes. Local."""
    for j, (words, weights) in enumerate(shelf.view(Labels)):
        own = factors[classes.codes(words)[0]]
        shelf.update(j, weights=own if weights is None else weights * own)


def block_weights(block: Block, classes: Classes, weights: np.ndarray) -> np.ndarray:
    """The weights of a block's rows, (rows,) float64, times those of their classes, scaled by a power of two. Local.

    weights: without those of the classes; with () for these, they are returned as they are.
    """
    if not classes.weights:
        return weights
    factors = np.array(classes.weights)
    factors = np.ldexp(factors, power(factors.max()))
    return weights * factors[classes.decode(block.y)]


def _table(wanted: Sequence[str], classes: Classes) -> np.ndarray:
    found = np.ones(len(classes.names))
    for pair in wanted:
        name, equals, text = pair.rpartition("=")
        try:
            weight = float(text)
        except ValueError:
            weight = math.nan
        if not equals or not 0 < weight < math.inf:
            raise UserError(f"--class-weights {pair}: give balanced alone, or CLASS=WEIGHT with a weight above 0.")
        if name not in classes.names:
            known = ", ".join(classes.names[:20])
            raise UserError(f"--class-weights {pair}: there is no class {name!r}; the classes are {known}.")
        found[classes.names.index(name)] = weight
    return found
