"""JᵀJ for Levenberg-Marquardt: whole on every rank, or shared out over them in tiles. Which of them is cheaper?

Both have the same bits (parallel/symmetric.py), so that the choice may depend on the number of ranks. What they cost is
counted in floating-point operations, bytes of messages and bytes of memory (docs/decisions/distributed-curvature.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from distnn.data.shard import Examples
from distnn.kernels import library
from distnn.kernels.memory import amount
from distnn.network.second_order.gauss_newton import megabytes
from distnn.network.weights import weight_count
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum
from distnn.parallel.stripes import COPIES, StripeSum, stripes
from distnn.parallel.symmetric import TILE, DistributedMatrix, Tiling
from distnn.training.terms import BlockTerms, Terms

TRIALS = 2  # factors in a step
RATE = 4e10  # floating-point operations a second in products of tiles
TRAFFIC = 2e9  # bytes a second in long messages
WAIT = 2e-5  # seconds for a short one to get to one rank of the next, of log₂ P
MAKING = 1e-9  # seconds to make a number of J


class Cost(NamedTuple):
    """Bytes of memory a rank, and seconds of a step that depend on how JᵀJ is held."""

    memory: float
    seconds: float


@dataclass(frozen=True)
class Choice:
    """How to hold JᵀJ of so many weights. rows: of J on one rank, examples times outputs. can: may it be shared out?"""

    weights: int
    rows: float
    ranks: int
    can: bool = True

    @cached_property
    def whole(self) -> Cost:
        """On every rank."""
        W, P = self.weights, self.ranks
        message = 2 * (P - 1) / P * 4 * W**2
        return Cost(1e6 * megabytes(W), TRIALS * W**3 / 3 / RATE + message / TRAFFIC)

    @cached_property
    def shared_out(self) -> Cost:
        """In tiles. At most one rank for two columns of tiles counts: the others wait for columns to be finished."""
        W, P, cut = self.weights, self.ranks, stripes(self.weights, self.ranks)
        count, side = Tiling(W, P).count, min(W, TILE)
        tiles = 8 * -(-count * (count + 1) // 2 // P) * side**2
        memory = tiles + 8 * max(COPIES * cut[0].stop * W, tiles / 8 + 2 * side * W)
        factor = TRIALS * W**3 / 3 / max(1, min(P, count / 2)) / RATE
        message = (1 + TRIALS) * (P - 1) / P * 4 * W**2
        waits = (len(cut) + 5 * TRIALS * count) * WAIT * math.log2(P)
        made = len(cut) * self.rows * W / 2 * MAKING
        return Cost(memory, factor + message / TRAFFIC + waits + made)

    def is_shared_out(self, most: float) -> bool:
        """Whether it shall be: where the whole takes more than so many MB a rank, or more time. Replicated."""
        return self.can and (self.whole.memory > 1e6 * most or self.whole.seconds > self.shared_out.seconds)

    def cost(self, most: float) -> Cost:
        """Of what is chosen."""
        return self.shared_out if self.is_shared_out(most) else self.whole

    def words(self, most: float) -> str:
        """What is chosen and what it costs, beside the other one."""
        shared, whole = (f"{amount(cost.memory)} and {cost.seconds:.2g} s" for cost in (self.shared_out, self.whole))
        size = f"{self.weights:,} × {self.weights:,}"
        if self.is_shared_out(most):
            return f"{size}, in tiles over the ranks: about {shared} a step on each; whole, on every rank, {whole}"
        other = f"; in tiles over the ranks {shared}" if self.can else ""
        return f"{size}, whole on every rank: about {whole} a step{other}"


class Curvature:
    """The mean of JᵀJ over D, shared out over ranks. Collective."""

    def __init__(self, terms: Terms, examples: Examples, ranks: Ranks):
        assert isinstance(terms, BlockTerms)
        self.terms, self.examples, self.ranks = terms, examples, ranks
        self.tiling = Tiling(weight_count(terms.backpropagation.d), ranks.size)
        self.sums = [
            StripeSum(ranks, self.tiling, rows, len(examples.blocks), examples.cut.count)
            for rows in stripes(self.tiling.size, ranks.size)
        ]

    def __call__(self, mean: Callable[[np.ndarray], np.ndarray]) -> DistributedMatrix:
        """The mean, made of numbers of the sum by `mean`, at the weights that the terms have loaded."""
        A = DistributedMatrix(self.tiling, self.ranks)
        for stripe in reversed(self.sums):  # the widest first: what it leaves of memory is enough for the others
            own = stripe(self.terms.gauss_newton_rows(self.examples.blocks, self.examples.cut, stripe.rows))
            A.write(stripe.rows, mean(own))
        return A


def can_be_shared_out(terms: Terms, reduction: type) -> bool:
    """Whether the bits would be the same: there are exact sums of terms from here, and compiled code. Local."""
    return isinstance(terms, BlockTerms) and reduction is ExactSum and library.instructions() is not None
