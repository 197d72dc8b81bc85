"""Is it so? What an iteration takes on the ranks that there are, and what as many simulated ones say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from distnn.bench import prediction
from distnn.bench.scaling.trial import Pace, Trial, iteration, measured
from distnn.parallel.ranks import Ranks

TURNS = 5
ITERATIONS = 40


@dataclass(frozen=True)
class Here:
    """What is measured on these ranks. Replicated. pace: of each on its own, all at the same time; the slowest one's.

    network: between them. iteration: seconds of one on all of them together.
    """

    pace: Pace
    network: prediction.Network
    iteration: float

    def trial(self, d: Sequence[int], rows: int, ranks: int) -> Trial:
        """The same simulated: two hosts are two links apart. rows: of each rank."""
        links = {"latency": self.network.alpha / 2, "bandwidth": 1 / max(self.network.beta, 1e-15)}
        return Trial(ranks, rows * ranks, tuple(d), "fat-tree", "rdb", **links, **asdict(self.pace), iterations=3)


def look(d: Sequence[int], rows: int, ranks: Ranks) -> Here:
    """Measure all of it, in turns, of which the medians count. Collective, replicated. rows: of each rank."""
    turns = []
    for _ in range(TURNS):
        ranks.rest()
        pace = measured(d, rows, ITERATIONS)
        slowest = np.array([pace.row, pace.outside])
        ranks.maximum(slowest)
        network = prediction.measure(ranks)
        seconds = ranks.broadcast(iteration(d, rows * ranks.size, ITERATIONS, ranks))
        turns.append((*slowest, network.alpha, network.beta, seconds))
    row, outside, alpha, beta, seconds = np.median(turns, axis=0).tolist()
    return Here(Pace(row, outside), prediction.Network(alpha, beta), seconds)
