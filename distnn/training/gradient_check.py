"""Is the gradient right? G, by backpropagation, against differences of E_in in random directions."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from distnn.network.weights import layers
from distnn.training.objective import Objective


class Difference(NamedTuple):
    """A derivative in one direction: G·v, by backpropagation, against (E(w + hv) - E(w - hv)) / 2h.

    error: relative to the size that G·v has on average over directions v of this length.
    """

    where: str
    product: float
    quotient: float
    error: float


def expected_error(dtype: str) -> float:
    """How far a central difference may be from the derivative: 64 · sqrt(ε).

    Its best step, about ε^(1/3), leaves ε^(2/3) for a smooth function of size 1; the rest is for those that are not.
    """
    return 64 * math.sqrt(np.finfo(dtype).eps)


def check_gradient(objective: Objective, w: np.ndarray, seed: int) -> list[Difference]:
    """G at w against differences: in a direction within each W^(l), and of all w. Collective, replicated.

    seed: of the directions.
    """
    d, dtype = objective.backpropagation.d, objective.backpropagation.dtype
    w = w.copy()
    G = objective(w).G.copy()
    generator = np.random.default_rng(seed)
    found = []
    for l in range(len(d)):  # 0: all w
        mask = np.zeros_like(w)
        layers(mask, d)[l - 1][:] = 1
        mask = mask if l else np.ones_like(w)
        v = generator.standard_normal(w.size) * mask
        v *= max(1.0, float(np.linalg.norm(w * mask))) / float(np.linalg.norm(v))
        where = f"W^({l})" if l else "all of w"
        found.append(_difference(objective, w, G * mask, v, dtype, where))
    return found[1:] + found[:1]


def _difference(
    objective: Objective, w: np.ndarray, G: np.ndarray, v: np.ndarray, dtype: np.dtype, where: str
) -> Difference:
    """The best of a few steps h."""
    product = float(G @ v)
    size = max(abs(product), float(np.linalg.norm(G) * np.linalg.norm(v)) / math.sqrt(np.count_nonzero(v)))
    found = []
    for h in np.cbrt(np.finfo(dtype).eps) * np.array([2, 1 / 2, 1 / 8]):
        quotient = (objective.error(w + h * v) - objective.error(w - h * v)) / (2 * h)
        error = abs(quotient - product) / size if size else abs(quotient)
        found.append(Difference(where, product, quotient, float(error)))
    return min(found, key=lambda difference: difference.error)
