"""Classes that weigh more or less than others: by a table, or so that all weigh the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from distnn.data.classes import Classes
from distnn.data.preparation import Shifted
from distnn.errors import UserError
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

BALANCED = "balanced"


def factors(wanted: Sequence[str], classes: Classes, train: Sequence[Shifted], cut: Cut, ranks: Ranks) -> np.ndarray:
    """What the weights of the examples of each class are multiplied by, float64 (K,). Collective, replicated.

    wanted: "balanced", for n / (K n_k), with n_k the weight of class k among the rows trained on; or CLASS=WEIGHT, 1
    for a class that is not named. UserError for a class that there is not, or a weight that is none.
    """
    K = len(classes.names)
    if list(wanted) != [BALANCED]:
        return _table(wanted, classes)

    def term(j: int, out: np.ndarray) -> None:
        codes, _ = classes.codes(train[j].words)  # type: ignore[arg-type]
        out[:] = np.bincount(codes, train[j].weights, minlength=K)

    held = ExactSum(ranks, [1] * K, len(train), cut.count)(term)
    with np.errstate(divide="ignore"):
        return np.where(held > 0, held.sum() / (np.count_nonzero(held) * held), 1.0)


def weighted(part: Shifted, classes: Classes, factors: np.ndarray) -> Shifted:
    """Rows with their weights multiplied by those of their classes. Local."""
    codes, _ = classes.codes(part.words)  # type: ignore[arg-type]
    own = factors[codes]
    return part._replace(weights=own if part.weights is None else part.weights * own)


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
