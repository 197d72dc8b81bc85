"""The floor: the matrix products and tanh calls of an iteration alone, each at the best speed found for its shape.

Every one is repeated on the same small arrays, which stay in the cache, for many widths of a block; the fastest counts.
Nothing is summed, nothing comes from memory, nothing is decided: an iteration cannot reach this, but come near.
W^(L) δ^(L) of a network with one output counts as the outer product that it is, by multiplication.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from distnn.bench.workloads import Workload
from distnn.kernels.memory import empty

WIDTHS = (48, 96, 144, 240, 368, 496, 624, 752, 880, 1056, 1264, 1504, 2000)


def floor(workload: Workload, seconds: float = 0.05) -> tuple[float, float]:
    """Seconds a row for the products and for tanh. seconds: the time spent on each call and width. Local."""
    widths = [width for width in WIDTHS if width <= workload.n] or [workload.n]
    best: dict[str, float] = {}
    for width in widths:
        for name, call in calls(workload, width):
            best[name] = min(best.get(name, np.inf), fastest(call, seconds) / width)
    tanh = sum(value for name, value in best.items() if name.startswith("tanh"))
    return sum(best.values()) - tanh, tanh


def calls(workload: Workload, width: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """The products and tanh calls of one gradient over a block of this width, on random numbers."""
    generator = np.random.default_rng(0)

    def draw(rows: int, columns: int) -> np.ndarray:
        array = empty(rows, columns, workload.dtype)
        array[...] = generator.standard_normal((rows, columns), np.float32)
        return array

    d = workload.d
    L = len(d) - 1
    for l in range(1, L + 1):
        x, W, delta = draw(d[l - 1] + 1, width), draw(d[l - 1] + 1, d[l]), draw(d[l], width)
        s, G = empty(d[l], width, workload.dtype), np.empty_like(W)
        yield f"s{l}", partial(np.matmul, W.T, x, out=s)
        yield f"tanh{l}", partial(np.tanh, delta, out=s)
        yield f"G{l}", partial(np.matmul, x, delta.T, out=G)
        if l > 1:
            below = empty(d[l - 1], width, workload.dtype)
            yield f"δ{l - 1}", partial(np.multiply if d[l] == 1 else np.matmul, W[1:], delta, out=below)


def fastest(call: Callable[[], object], seconds: float) -> float:
    """The shortest time of one call, seconds. Calls that are too short for the clock are timed several together."""
    call()
    start = time.perf_counter()
    call()
    once = time.perf_counter() - start
    together = max(1, min(1000, int(1e-3 / max(once, 1e-7))))
    best = once
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        for _ in range(together):
            call()
        stop = time.perf_counter()
        best = min(best, (stop - start) / together)
        if stop > end:
            return best
