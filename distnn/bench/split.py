"""Where the time of an iteration goes: the training is run with a stopwatch around each of its parts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from distnn import products
from distnn.backpropagation import Backpropagation
from distnn.bench.own import Own
from distnn.bench.workloads import Workload
from distnn.communicator import OneRank
from distnn.examples import Examples
from distnn.network import Network
from distnn.reduction import REDUCTIONS


@dataclass(frozen=True)
class Split:
    """Seconds an iteration, by part; the mean over ranks.

    activation: θ, θ' and e. reduction: measuring, rounding and adding the gradients of blocks. communication: waiting
    for slower ranks included. python: all else: calls, optimizer, record, log, termination.
    outside: that part of `python` which does not grow with the number of blocks.
    """

    products: float
    activation: float
    reduction: float
    communication: float
    python: float
    outside: float

    @property
    def total(self) -> float:
        return self.products + self.activation + self.reduction + self.communication + self.python


class Stopwatch:
    """Seconds by name. `around` gives a function that also takes its time."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name] += time.perf_counter() - start

        return timed


def split(workload: Workload, examples: Examples, ranks: OneRank, iterations: int) -> Split:
    """Measure over so many iterations. Collective, replicated."""
    watch = Stopwatch()
    engine = Backpropagation(Network(workload.d), "squared", np.dtype(workload.dtype))
    theta, e = engine.theta, engine.error_function
    assert theta.chain is not None
    engine.theta = replace(
        theta, apply=watch.around("activation", theta.apply), chain=watch.around("activation", theta.chain)
    )
    with (
        patch.object(e.__class__, "error", watch.around("activation", e.__class__.error)),
        patch.object(engine, "gradient", watch.around("gradient", engine.gradient)),
        patch.object(products, "signals", watch.around("products", products.signals)),
        patch.object(products, "push_back_but_factors", watch.around("products", products.push_back_but_factors)),
        patch.object(products, "outer_sum", watch.around("products", products.outer_sum)),
    ):

        def make(*arguments: Any) -> Any:
            return watch.around("sum", REDUCTIONS["exact"](*arguments))

        own = Own(workload, examples, ranks, make, engine)
        own.seconds(min(iterations, 3))
        ranks.maximum(np.zeros(1))  # what follows begins with it, too: the wait for others is behind us then
        watch.seconds.clear()
        waited = ranks.seconds
        total = own.seconds(iterations)
        own.close()
    seconds = {name: watch.seconds[name] / iterations for name in ("products", "activation", "gradient", "sum")}
    communication = (ranks.seconds - waited) / iterations
    in_products, activation = seconds["products"], seconds["activation"]
    outside = total - seconds["sum"]
    inside = seconds["gradient"] - in_products - activation
    reduction = seconds["sum"] - seconds["gradient"] - communication
    mine = (in_products, activation, reduction, communication, outside + inside, outside)
    return Split(*(float(part) for part in np.mean(ranks.gather(mine), axis=0)))
