"""One training on P simulated ranks, in a process of its own: `python -m distnn.bench.scaling.trial JSON`."""

from __future__ import annotations

import gc
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from statistics import median

import distnn
from distnn.api import Fit
from distnn.bench.prediction import message_bytes
from distnn.bench.scaling.networks import NETWORKS
from distnn.bench.scaling.ranks import SimgridRanks
from distnn.bench.scaling.simgrid import simulate
from distnn.bench.workloads import ETA, Workload
from distnn.kernels import blas
from distnn.kernels.blocks import cut
from distnn.parallel.ranks import OneRank, Ranks


@dataclass(frozen=True)
class Pace:
    """Seconds that computing takes: an iteration over one row, and what an iteration takes beside its rows."""

    row: float
    outside: float

    def iteration(self, rows: int) -> float:
        return rows * self.row + self.outside


@dataclass(frozen=True)
class Trial:
    """n rows for the layers d, on so many ranks. latency: of a link, seconds; bandwidth: bytes a second.

    network: one of NETWORKS; allreduce: SimGrid's name of an algorithm. row, outside: as in `Pace`.
    """

    ranks: int
    n: int
    d: tuple[int, ...]
    network: str
    allreduce: str
    latency: float
    bandwidth: float
    row: float
    outside: float
    iterations: int = 2


@dataclass(frozen=True)
class Outcome:
    """sha256: of the weights in the end. start: simulated seconds to the first gradient; iteration: of one, the median;
    computing: those of them that the busiest rank computes. wall: seconds that the simulation took.
    """

    sha256: str
    start: float
    iteration: float
    computing: float
    wall: float

    @property
    def communication(self) -> float:
        """The share of an iteration that is not computing."""
        return max(0.0, 1 - self.computing / self.iteration)


def carry_out(trial: Trial) -> Outcome:
    """Simulate. Once in a process. UserError where SimGrid is not installed, or the ranks do not end alike."""
    began, pace, gradient = time.perf_counter(), Pace(trial.row, trial.outside), message_bytes(trial.d)[0] // 8
    whole = cut(trial.n, trial.d[:-1], "float64")
    hashes: set[str] = set()
    clock: list[float] = []

    def computing(rank: int) -> float:
        start, stop = whole.rows_owned(rank, trial.ranks)
        return pace.iteration(stop - start)

    def work() -> None:
        ranks = SimgridRanks(lambda numbers: computing(ranks.rank) if numbers == gradient else 0.0)
        hashes.add(sha256(train(trial.d, trial.n, trial.iterations, ranks)))
        if ranks.rank == 0:
            clock.extend(at for numbers, at in ranks.clock if numbers == gradient)

    topology = NETWORKS[trial.network].for_hosts(trial.ranks)
    _prepare_process()
    simulate(trial.ranks, topology, trial.latency, trial.bandwidth, trial.allreduce, work)
    assert len(hashes) == 1, f"the ranks end with {len(hashes)} different weights"
    seconds = median(after - before for before, after in pairwise(clock[1:]))  # at t = 0 replicas are compared, too
    busiest = max(map(computing, range(trial.ranks)))
    return Outcome(hashes.pop(), clock[0], seconds, busiest, time.perf_counter() - began)


def _prepare_process() -> None:
    """A collection of garbage would go through the objects of all ranks, and looking for BLAS through their stacks."""
    gc.disable()
    for name in ("library", "limit_threads"):
        setattr(blas, name, cache(getattr(blas, name)))


def train(d: Sequence[int], n: int, iterations: int, ranks: Ranks) -> Fit:
    """The training: `distnn.fit` as anybody calls it, each rank with the rows that it will own. Collective."""
    start, stop = cut(n, d[:-1], "float64").rows_owned(ranks.rank, ranks.size)
    X, Y = Workload("scaling", tuple(d), n, "float64").rows(start, stop)
    hidden = tuple(d[1:-1])
    return distnn.fit(X, Y, comm=ranks, hidden=hidden, optimizer="gradient-descent", eta=ETA, max_iterations=iterations)


def sha256(fitted: Fit) -> str:
    """Of the weights' bits."""
    return hashlib.sha256(fitted.model.network.w.tobytes()).hexdigest()


def measured(d: Sequence[int], rows: int, iterations: int = 20) -> Pace:
    """The pace of this machine, measured on one rank: of many rows, and of one block of few."""
    few, many = (iteration(d, n, iterations, OneRank()) for n in (4, rows))
    return Pace(max(0.0, many - few) / rows, few)


def iteration(d: Sequence[int], n: int, iterations: int, ranks: Ranks) -> float:
    """Seconds an iteration over n rows takes on these ranks, the median. Collective, local."""
    records = train(d, n, iterations, ranks).records
    return median(after.seconds - before.seconds for before, after in pairwise(records))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asdict(carry_out(Trial(**{**given, "d": tuple(given["d"])})))))
