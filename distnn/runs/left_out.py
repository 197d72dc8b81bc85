"""The errors that rows would have if they were left out of a training, which judge networks without other rows.

Without row i its residual would be r_i / (1 - h_i), h being its leverage: exactly so for a model that is linear in its
weights, to first order for others, at the decays of the training with all rows (inference/measures/leverage.py).
Nothing is said here of the noise: where it has heavy tails, a row that a network has bent itself to has h near 1, while
the evidence, which takes the noise for normal, rises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from distnn.errors import UserError
from distnn.inference.certainty import Certainty
from distnn.kernels.algebra import column_sums, dot
from distnn.kernels.factors import cholesky, invert
from distnn.optimizers.bayesian import BayesianState
from distnn.runs import certainty
from distnn.runs.assembly import Assembly
from distnn.runs.certainty import of_rows
from distnn.training.objective import Objective
from distnn.training.progress import Progress

CLEAR = 2.0  # standard errors of the mean difference: 95 % sure

LeftOut = Sequence[np.ndarray]  # Σ_j (r_ij / (1 - h_ij))² of each row i, in the units of the network, (r,) a block


def left_out(made: Assembly, progress: Progress, over: Objective) -> LeftOut | None:
    """The squared errors of rows, each left out. Collective. None where the weights are not determined.

    over: has the rows, in the blocks in which errors are compared; another network's blocks may be others.
    """
    try:
        sure = _certainty(made, progress)
    except UserError:
        return None
    engine = made.objective.backpropagation
    return [column_sums(squares) for squares in certainty.left_out(sure, progress.best_w, engine, over)]


def _certainty(made: Assembly, progress: Progress) -> Certainty:
    """H, and noise, where weights of bias nodes decay as in the training. Collective. UserError as `factor`."""
    objective, w = made.objective, progress.best_w
    if isinstance(state := progress.state, BayesianState):
        return _of(certainty.factor(objective, w, state.beta, state.alpha), 1 / state.beta)
    L = cholesky(objective.gauss_newton(w))
    if L is None:
        raise UserError("The rows do not determine all weights.")
    return _of(invert(L), np.full(objective.backpropagation.d[-1], objective.n / 2))


def _of(T: np.ndarray, noise: np.ndarray) -> Certainty:
    """For the sake of leverages."""
    return Certainty(T, noise, np.full_like(noise, math.inf))


def mean(errors: LeftOut | None, objective: Objective) -> float:
    """Their mean over D; infinite where there are none. Collective, replicated."""
    return math.inf if errors is None else _sums(errors, objective)[0] / objective.n


def are_clearly_less(
    new: LeftOut | None, old: LeftOut | None, objective: Objective, clear: float = CLEAR, share: float = 1.0
) -> bool:
    """Is the mean of `new` less by more than `clear` standard errors of that difference? Collective, replicated.

    share: of the rows, on which they have been judged; the others, which have the same errors in both, count as if they
    will make no difference (O'Brien and Fleming, "A multiple testing procedure for clinical trials", 1979).
    """
    means = mean(new, objective), mean(old, objective)
    if new is None or old is None or math.inf in means:
        return means[0] < means[1]
    differences = [b - a for a, b in zip(new, old, strict=True)]
    first, second = (found / objective.n for found in _sums(differences, objective))
    variance = second / share - (first / share) ** 2
    return first > clear * math.sqrt(max(0.0, variance) / objective.n)


def _sums(values: LeftOut, objective: Objective) -> tuple[float, float]:
    """Σ v and Σ v² over D, rows as often as their weights say, to the last bit. Collective, replicated."""
    mine = []
    for block, own in zip(objective.examples.blocks, values, strict=True):
        weights = of_rows(objective, block)
        mine.append((dot(weights, own), dot(weights, np.square(own))))
    every = [pair for part in objective.ranks.gather(mine) for pair in part]
    if not all(math.isfinite(value) for pair in every for value in pair):
        return math.inf, math.inf
    return math.fsum(pair[0] for pair in every), math.fsum(pair[1] for pair in every)
