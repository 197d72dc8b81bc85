"""How time and memory grow: with n, for one network, and with |W|, for one n. They should be proportional."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distnn.bench.machine import peak_bytes, reset_peak
from distnn.bench.own import Own
from distnn.bench.workloads import Workload
from distnn.network.weights import weight_count
from distnn.parallel.ranks import Ranks

NARROW, ROWS = (30, 30, 30, 1), tuple(10**k for k in range(3, 8))
NETWORKS = (
    (2, 2, 1),
    (8, 10, 1),
    (20, 20, 25, 1),
    (60, 80, 60, 1),
    (200, 220, 250, 1),
    (600, 700, 820, 1),
    (2000, 2200, 2500, 1),
)
FIXED_ROWS = 20_000
QUICK = 10_000  # at most so many rows and weights, to try it out


@dataclass(frozen=True)
class Point:
    """Seconds of an iteration; the largest memory of a rank, and its rows as they lie in memory. Replicated."""

    d: tuple[int, ...]
    n: int
    dtype: str
    weights: int
    seconds: float
    shard_bytes: int
    peak_bytes: int

    @property
    def each(self) -> float:
        """Seconds for a row and weight."""
        return self.seconds / self.n / self.weights


def series(ranks: Ranks, quick: bool = False) -> Iterator[Point]:
    """Measure n from 10³ to 10⁷ in float64 and float32, then |W| from 10 to 10⁷ in float64. Collective, replicated."""
    cases: list[tuple[tuple[int, ...], int, str]]
    cases = [(NARROW, n, dtype) for dtype in ("float64", "float32") for n in ROWS]
    cases += [(d, FIXED_ROWS, "float64") for d in NETWORKS]
    for d, n, dtype in cases:
        if not quick or (n <= QUICK and weight_count(d) <= QUICK) or d == NETWORKS[0]:
            yield measure(Workload("series", d, n, dtype), ranks, 0.02 if quick else 2.0)


def measure(workload: Workload, ranks: Ranks, seconds: float) -> Point:
    """The least of at least two iterations, after one that warms up; more for `seconds`. Collective, replicated."""
    reset_peak()
    examples = workload.examples(ranks)
    own = Own(workload, examples, ranks)
    once = ranks.broadcast(own.seconds(1))
    together = max(1, int(1e-2 / once))
    times = [own.seconds(together) for _ in range(ranks.broadcast(max(2, min(50, int(seconds / once / together)))))]
    own.close()
    peak, shard = max(ranks.gather(peak_bytes())), max(ranks.gather(examples.bytes))
    weights = weight_count(workload.d)
    return Point(workload.d, workload.n, workload.dtype, weights, ranks.broadcast(min(times)), shard, peak)
