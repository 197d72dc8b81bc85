"""More ranks than there are: predicted time and efficiency, from the measured time a block and a model of Allreduce.

    T(P) = ⌈blocks / P⌉ t_block + t_outside + A(P, bytes of MAX) + A(P, bytes of SUM)

A, the time of an Allreduce of m bytes, is that of the better of two algorithms, with latency α and seconds a byte β:

    recursive doubling               ⌈log₂ P⌉ (α + m β)
    reduce-scatter and allgather     2 ⌈log₂ P⌉ α + 2 (P-1)/P m β

(Thakur, Rabenseifner, Gropp, "Optimization of collective communication operations in MPICH", 2005; the additions, which
are far cheaper than the messages, are part of β). Ranks that share a node share its memory and network, and a real
network is not free of other traffic: this is what the algorithm allows, not a promise.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2
from statistics import median

import numpy as np

from distnn.network.weights import shapes, weight_count
from distnn.parallel.mpi import MESSAGE
from distnn.parallel.ranks import Ranks

LONG = 1 << 17  # float64 in the long message that is measured: 1 MiB


@dataclass(frozen=True)
class Network:
    """α: seconds a message. β: seconds a byte."""

    alpha: float
    beta: float

    def allreduce(self, ranks: int, size: int) -> float:
        """Seconds for an Allreduce of `size` bytes on so many ranks, in messages as `MPIRanks.sum` cuts it."""
        if ranks == 1:
            return 0.0
        whole, rest = divmod(size, 8 * MESSAGE)
        return whole * self._message(ranks, 8 * MESSAGE) + (self._message(ranks, rest) if rest or not whole else 0.0)

    def _message(self, ranks: int, size: int) -> float:
        steps = ceil(log2(ranks))
        doubling = steps * (self.alpha + size * self.beta)
        scattered = 2 * steps * self.alpha + 2 * (ranks - 1) / ranks * size * self.beta
        return min(doubling, scattered)


@dataclass(frozen=True)
class Iteration:
    """What an iteration consists of. blocks: of D; block, outside: seconds; messages: bytes of each Allreduce."""

    blocks: int
    block: float
    outside: float
    messages: tuple[int, ...]

    def strong(self, ranks: int, network: Network) -> float:
        """Predicted seconds on so many ranks for the same D."""
        return self._seconds(ceil(self.blocks / ranks), ranks, network)

    def weak(self, ranks: int, network: Network) -> float:
        """Predicted seconds on so many ranks for a D that is `ranks` times as large."""
        return self._seconds(self.blocks, ranks, network)

    def _seconds(self, blocks: int, ranks: int, network: Network) -> float:
        waiting = sum(network.allreduce(ranks, size) for size in self.messages)
        return blocks * self.block + self.outside + waiting


@dataclass(frozen=True)
class Row:
    """Predictions for P ranks. Efficiencies: T(1) / (P T(P)) for the same D, T(1) / T(P) for a grown one."""

    ranks: int
    strong_seconds: float
    strong_efficiency: float
    weak_seconds: float
    weak_efficiency: float


def predict(iteration: Iteration, network: Network, ranks: Sequence[int]) -> list[Row]:
    """A row for each number of ranks."""
    alone = iteration.strong(1, network)
    rows = []
    for P in ranks:
        strong, weak = iteration.strong(P, network), iteration.weak(P, network)
        rows.append(Row(P, strong, alone / (P * strong), weak, alone / weak))
    return rows


def fastest(iteration: Iteration, network: Network, first: int, last: int) -> int:
    """The number of ranks with the shortest time for the same D; from there on, more of them do not pay."""
    return min(range(first, last + 1), key=lambda P: (iteration.strong(P, network), P))


def powers(first: int, last: int) -> list[int]:
    """first, the powers of 2 between, and last."""
    between = [2**k for k in range(last.bit_length()) if first < 2**k < last]
    return sorted({first, *between, last})


def message_bytes(d: Sequence[int]) -> tuple[int, int]:
    """The bytes of the two messages of an exact sum: the largest of each row, and the sum. See reduction.py."""
    rows = sum(height for height, _ in shapes(d))
    return 8 * (rows + 3), 8 * (weight_count(d) + 3)


def measure(ranks: Ranks, repeats: int = 50) -> Network:
    """α and β between these ranks, at least 2, from an Allreduce of 8 bytes and of 1 MiB. Collective, replicated."""
    short, long = (_allreduce(ranks, length, repeats) for length in (1, LONG))
    steps = ceil(log2(ranks.size))
    alpha = short / steps
    beta = max(0.0, long - 2 * steps * alpha) / (2 * (ranks.size - 1) / ranks.size * 8 * LONG)
    return Network(alpha, beta)


def _allreduce(ranks: Ranks, length: int, repeats: int) -> float:
    """Seconds for the sum of so many float64: the median, rank 0's."""
    values = np.zeros(length)
    seconds = []
    for _ in range(repeats):
        ranks.maximum(np.zeros(1))
        start = time.perf_counter()
        ranks.sum(values)
        seconds.append(time.perf_counter() - start)
    return float(ranks.broadcast(median(seconds)))
