"""Who takes part, and the races: every contender on the same data from the same weights, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module

from distnn.bench.contender import Contender
from distnn.bench.convergence import least_squares, optimistix, ours, pytorch, scikit_learn
from distnn.bench.convergence.problems import Instance, Problem
from distnn.bench.convergence.trace import Finished, Trace
from distnn.kernels import blas

SAME = 1e-9  # relative difference of E_in at the initial weights that rounding explains
SMALL = 1e8  # bytes of the largest Jacobian that is kept as a whole
LOWEST = 1e-30  # E_in is 0 to the accuracy of the arithmetic


@dataclass(frozen=True)
class Racer(Contender):
    """An optimizer in this race. small: only for small sums of squares."""

    run: Callable[[Instance, Trace], None] = field(kw_only=True)
    small: bool = field(default=False, kw_only=True)

    def suits(self, problem: Problem) -> bool:
        """Whether it takes part in this problem."""
        residuals = problem.rows * problem.d[-1]
        small = problem.weights <= residuals <= SMALL / 8 / problem.weights
        return not self.small or (small and problem.error == "squared")


RACERS = (
    Racer("distnn lbfgs", run=ours.runner("lbfgs")),
    Racer("distnn levenberg-marquardt", run=ours.runner("levenberg-marquardt"), small=True),
    Racer("distnn truncated-newton", run=ours.runner("truncated-newton")),
    Racer("scikit-learn L-BFGS", "sklearn", run=scikit_learn.run),
    Racer("PyTorch L-BFGS", "torch", run=pytorch.lbfgs),
    Racer("PyTorch Adam", "torch", run=pytorch.adam),
    Racer("scipy least_squares trf", "scipy", run=least_squares.run, small=True),
    Racer("optimistix Levenberg-Marquardt", "optimistix", run=optimistix.run, small=True),
)
PACKAGES = {
    "sklearn": "sklearn.neural_network",
    "torch": "torch",
    "scipy": "scipy.optimize",
    "optimistix": "optimistix",
}  # and what of them is used


def race(problem: Problem, seeds: Sequence[int], racers: Sequence[Racer]) -> Iterator[tuple[str, Trace]]:
    """Run all contenders for each seed in turn; yields name and trace. Local.

    RuntimeError if a contender minimises another function than the first.
    """
    for seed in seeds:
        instance = problem.instance(seed)
        start = None
        for racer in racers:
            trace = Trace(LOWEST if problem.to_the_end else problem.goals[-1], problem.seconds)
            trace = run(racer, instance, trace)
            start = trace.first if start is None else start
            if not abs(trace.first - start) <= SAME * abs(start):
                raise RuntimeError(f"{racer.name} begins at {trace.first!r} in {problem.name}, not at {start!r}.")
            yield racer.name, trace


def run(racer: Racer, instance: Instance, trace: Trace) -> Trace:
    """The trace, after the contender has reached its end, with one thread."""
    if racer.package is not None:
        import_module(PACKAGES[racer.package])  # a BLAS that is loaded later would not know of the limit
    blas.limit_threads(1)
    with suppress(Finished):
        racer.run(instance, trace)
    return trace
