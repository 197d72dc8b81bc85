"""Where the time of an iteration goes: the training is run with a stopwatch around each of its parts."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from distnn.bench.floor import fastest
from distnn.bench.own import Own
from distnn.bench.workloads import Workload
from distnn.data.shard import Examples
from distnn.kernels import library, products
from distnn.kernels.library import ADDRESS, SIZE
from distnn.kernels.memory import vector
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.passes import Passes
from distnn.network.passes.compiled import CompiledPasses
from distnn.network.passes.layerwise import Layerwise
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

TANH_NUMBERS = 2048  # that are timed together: the first-level cache has them


@dataclass(frozen=True)
class Split:
    """Seconds an iteration, by part; the mean over ranks.

    activation: θ, θ' and e; in compiled code θ as long as it takes alone, the rest being products. reduction:
    measuring, rounding and adding the gradients of blocks. communication: waiting for slower ranks included. python:
    all else: calls, optimizer, record, log, termination.
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


def split(workload: Workload, examples: Examples, ranks: Ranks, iterations: int) -> Split:
    """Measure over so many iterations. Collective, replicated."""
    watch = Stopwatch()
    engine = Backpropagation(Network(workload.d), "squared", np.dtype(workload.dtype))
    e = engine.error_function.__class__
    with (
        replaced(e, total=watch.around("activation", e.total)),
        replaced(engine, gradient=watch.around("gradient", engine.gradient)),
        watched(engine.passes, watch),
        replaced(ExactSum, __call__=watch.around("sum", ExactSum.__call__)),
    ):
        own = Own(workload, examples, ranks, engine=engine)
        own.seconds(min(iterations, 3))
        ranks.maximum(np.zeros(1))  # what follows begins with it, too: the wait for others is behind us then
        watch.seconds.clear()
        waited = ranks.seconds
        total = own.seconds(iterations)
        own.close()
    seconds = {name: watch.seconds[name] / iterations for name in ("products", "activation", "gradient", "sum")}
    communication = (ranks.seconds - waited) / iterations
    tanh = tanh_inside(engine.passes) * sum(block.x.shape[1] for block in examples.blocks)
    in_products, activation = seconds["products"] - tanh, seconds["activation"] + tanh
    outside = total - seconds["sum"]
    inside = seconds["gradient"] - in_products - activation
    reduction = seconds["sum"] - seconds["gradient"] - communication
    mine = (in_products, activation, reduction, communication, outside + inside, outside)
    return Split(*(float(part) for part in np.mean(ranks.gather(mine), axis=0)))


def watched(passes: Passes, watch: Stopwatch) -> AbstractContextManager[object]:
    """Take the times of products and activation."""
    if isinstance(passes, CompiledPasses):
        timed_calls = {name: watch.around("products", call) for name, call in vars(passes.functions).items()}
        return replaced(passes, functions=SimpleNamespace(**timed_calls))
    assert isinstance(passes, Layerwise)
    theta = passes.theta
    assert theta.chain is not None
    timed = replace(theta, apply=watch.around("activation", theta.apply), chain=watch.around("activation", theta.chain))
    names = ("signals", "push_back", "outer_sum")
    stack = ExitStack()
    stack.enter_context(replaced(passes, theta=timed))
    stack.enter_context(
        replaced(products, **{name: watch.around("products", getattr(products, name)) for name in names})
    )
    return stack


@contextmanager
def replaced(owner: Any, **attributes: Any) -> Iterator[None]:
    """Other attributes for a while. (unittest.mock can do that, too, but takes 5 MB.)"""
    before = {name: getattr(owner, name) for name in attributes}
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def tanh_inside(passes: Passes, seconds: float = 0.02) -> float:
    """Seconds a row of tanh, measured alone in the cache, where it cannot be told apart from the products; or 0."""
    instruction_set = library.instructions()
    if instruction_set is None or not isinstance(passes, CompiledPasses):
        return 0.0
    x = vector(TANH_NUMBERS, passes.dtype)
    x[...] = np.linspace(-2, 2, len(x))
    theta = library.function("theta", passes.dtype, instruction_set, SIZE, ADDRESS, SIZE)
    once = fastest(lambda: theta(library.THETAS.index("tanh"), x.ctypes.data, len(x)), seconds)
    return once / len(x) * sum(passes.d[1:-1])
