"""The area under the ROC curve, exact over ranks: the chance that a row of a class has a higher score than another.

That is Σ w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) over the rows i of the class and the others j, divided by Σ w_i Σ w_j:
Mann and Whitney's U, and the area by trapezoids that scikit-learn computes. Scores are sorted over all ranks by
splitters from samples of each rank's sorted scores (H. Shi, J. Schaeffer, "Parallel sorting by regular sampling",
JPDC 14, 1992). All sums are of integers, weights being rounded to multiples of 2^-k first: no order matters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from operator import add

import numpy as np

from distnn.data.classes import Classes
from distnn.inference.measures import Seen
from distnn.parallel.ranks import Ranks

ROUND = 1 << 22  # scores that a rank sends at a time
SAMPLES = 64  # of all ranks' scores for each range that they are cut into
LOW = np.uint64(0xFFFFFFFF)


class Areas:
    """The areas for the classes or the labels of a table. All outputs are kept meanwhile. Local to make.

    sides: gives of a block which rows are positive and the scores, both areas × r. n: rows of the table, at least those
    that will be seen.
    """

    def __init__(self, sides: Callable[[Seen], tuple[np.ndarray, np.ndarray]], weighted: bool, n: int):
        self.sides = sides
        self.bits = 62 - n.bit_length() if weighted else 0  # then the sum of all weights is below 2^62
        self._seen: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def look(self, j: int, seen: Seen) -> None:
        """See this rank's block number j, once or more. Local."""
        weights = np.rint(np.ldexp(seen.weights, self.bits)).astype(np.uint64)
        self._seen[j] = *self.sides(seen), weights

    def result(self, ranks: Ranks) -> list[float | None]:
        """Each area; None where all rows are on one side. Collective."""
        parts = self._seen.values()
        weights = np.concatenate([np.empty(0, np.uint64), *(weights for _, _, weights in parts)])
        found = []
        for k in range(ranks.merged(max((len(scores) for _, scores, _ in parts), default=0), max)):
            positive = np.concatenate([np.empty(0, bool), *(positive[k] for positive, _, _ in parts)])
            scores = np.concatenate([np.empty(0), *(scores[k] for _, scores, _ in parts)])
            found.append(area(scores, positive, weights, ranks))
        return found


def sides_of_classes(classes: Classes) -> Callable[[Seen], tuple[np.ndarray, np.ndarray]]:
    """Each class against the rest, by its output; of two classes only the second."""

    def sides(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        codes, K = classes.decode(seen.y), len(classes.names)
        chosen = np.array([1]) if K == 2 else np.arange(K)
        return codes == chosen[:, None], seen.outputs[-len(chosen) :]

    return sides


def area(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray, ranks: Ranks) -> float | None:
    """The area for all ranks' rows. Collective, replicated.

    This rank's: scores, float64 (r,); positive, bool (r,); weights, uint64 (r,), of all ranks together below 2^62.
    None where all rows are positive, or none is, or a score is NaN.
    """
    own = _merged([(scores, np.where(positive, weights, np.uint64(0)), np.where(positive, np.uint64(0), weights))])
    lengths, broken = ranks.tabled((len(own[0]), np.isnan(scores).any())).T
    if broken.any():
        return None
    rounds = max(1, -(-int(lengths.max()) // ROUND))
    edges = np.searchsorted(own[0], _splitters(own[0], int(lengths.sum()), rounds * ranks.size, ranks))
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(own[0])]
    U, ours, others = 0, 0, 0  # twice the sum; Σ weights of positive rows, and of the others so far
    for first in range(0, rounds * ranks.size, ranks.size):
        spans = [slice(starts[i], stops[i]) for i in range(first, first + ranks.size)]
        received = ranks.exchange([tuple(column[span] for column in own) for span in spans])
        _, positives, negatives = _merged(received)
        sums = ranks.tabled((positives.sum(), negatives.sum())).tolist()
        below = others + sum(negative for _, negative in sums[: ranks.rank])
        U += _dot(positives, np.uint64(2 * below) + 2 * np.cumsum(negatives) - negatives)
        ours, others = ours + sum(p for p, _ in sums), others + sum(negative for _, negative in sums)
    U = ranks.merged(U, add)
    return float(Fraction(U, 2 * ours * others)) if ours and others else None


def _merged(parts: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different scores in order, and for each the weights of positive rows and of the others, uint64."""
    scores, positives, negatives = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(scores, kind="stable")
    scores = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]])[: len(scores)])
    if not len(starts):
        return scores, positives, negatives
    ours, others = (np.add.reduceat(weights[order], starts) for weights in (positives, negatives))
    return scores[starts], ours, others


def _splitters(scores: np.ndarray, n: int, ranges: int, ranks: Ranks) -> np.ndarray:
    """Scores that cut the n ones of all ranks into ranges of about equal length: (ranges - 1,), ascending. Collective.

    Every rank's samples are equally far apart, so that each stands for as many scores. They begin elsewhere on each:
    where all ranks' scores are distributed alike, their samples would else fall together, and leave gaps.
    """
    step = max(1, n // (SAMPLES * ranges))
    sample = np.sort(np.concatenate(ranks.gather(scores[ranks.rank * step // ranks.size :: step])))
    if not len(sample):
        return np.zeros(ranges - 1)
    return sample[np.arange(1, ranges) * len(sample) // ranges]


def _dot(a: np.ndarray, b: np.ndarray) -> int:
    """Σ a_i b_i of uint64 vectors, exact: in halves of 32 bits, whose products are summed in halves."""
    found = 0
    for i, x in ((0, a & LOW), (32, a >> np.uint64(32))):
        for j, y in ((0, b & LOW), (32, b >> np.uint64(32))):
            product = x * y
            low, high = int((product & LOW).sum()), int((product >> np.uint64(32)).sum())
            found += (low + (high << 32)) << (i + j)
    return found
