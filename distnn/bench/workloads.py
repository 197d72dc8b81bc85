"""What is computed: an exact gradient step over all of D, for tables and networks of several shapes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from distnn.data.shard import Examples
from distnn.kernels.blocks import Block, Cut, cut, gpu_cut
from distnn.kernels.memory import empty
from distnn.parallel.ranks import Ranks

CHUNK = 500  # rows drawn at a time: any rank can draw its rows alone
ETA = 1e-3


@dataclass(frozen=True)
class Workload:
    """n rows for a network d with tanh and squared error, in arithmetic of dtype. a_rank: n is meant for each rank."""

    name: str
    d: tuple[int, ...]
    n: int
    dtype: str
    a_rank: bool = False

    @property
    def flops(self) -> int:
        """Floating-point operations in the matrix products of one gradient, for one row.

        s^(l) and G^(l) cost 2 (d^(l-1)+1) d^(l) each; W^(l) δ^(l) without the bias row, for l > 1, 2 d^(l-1) d^(l).
        """
        layers = list(pairwise(self.d))
        return sum(4 * (below + 1) * above for below, above in layers) + sum(2 * a * b for a, b in layers[1:])

    def on(self, ranks: int) -> Workload:
        """The workload for this number of ranks, where n is meant for each of them."""
        return replace(self, n=self.n * ranks, a_rank=False) if self.a_rank else self

    def shortened(self) -> Workload:
        """The same with few rows, to try things out."""
        return self if self.a_rank else replace(self, n=self.n // 100)

    def rows(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows [start, stop) of D: X, r × d^(0), and Y, r × d^(L), of -1 and 1. The same numbers for every cut."""
        X, Y = np.empty((stop - start, self.d[0]), self.dtype), np.empty((stop - start, self.d[-1]), self.dtype)
        for chunk in range(start // CHUNK, -(-stop // CHUNK)):
            generator = np.random.default_rng([len(self.name), chunk])
            x = generator.standard_normal((CHUNK, self.d[0]), np.float32)
            y = 2.0 * generator.integers(0, 2, (CHUNK, self.d[-1])) - 1
            low, high = max(start, chunk * CHUNK), min(stop, (chunk + 1) * CHUNK)
            X[low - start : high - start] = x[low - chunk * CHUNK : high - chunk * CHUNK]
            Y[low - start : high - start] = y[low - chunk * CHUNK : high - chunk * CHUNK]
        return X, Y

    def cut(self, device: str | None = None) -> Cut:
        """The rows in blocks, as distnn has them on the device."""
        return (gpu_cut if device == "gpu" else cut)(self.n, self.d[:-1], self.dtype)

    def examples(self, ranks: Ranks, device: str | None = None) -> Examples:
        """This rank's rows as distnn holds them for the device."""
        blocks, whole = [], self.cut(device)
        for number in whole.owned(ranks.rank, ranks.size):
            X, Y = self.rows(*whole.bounds(number))
            x = empty(self.d[0] + 1, len(X), self.dtype)
            x[0], x[1:] = 1, X.T
            blocks.append(Block(x, np.ascontiguousarray(Y.T), None))
        first, _ = whole.rows_owned(ranks.rank, ranks.size)
        return Examples(whole, blocks, [], first, self.n, 0, float(self.n), 0.0, self.name)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("narrow-f64", (30, 30, 30, 1), 200_000, "float64"),
        Workload("medium-f64", (20, 128, 128, 1), 100_000, "float64"),
        Workload("digits-f32", (784, 256, 10), 60_000, "float32"),
        Workload("wide-f32", (512, 1024, 1024, 1), 20_000, "float32"),
        Workload("tiny", (2, 2, 1), 500, "float64", a_rank=True),
    )
}
