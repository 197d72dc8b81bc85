"""Who takes part, and the races: every contender on the same data from the same weights, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

from distnn.bench.convergence import least_squares, ours, pytorch, scikit_learn
from distnn.bench.convergence.problems import Instance, Problem
from distnn.bench.convergence.trace import Finished, Trace
from distnn.kernels import blas

SAME = 1e-9  # relative difference of E_in at the initial weights that rounding explains
SMALL = 1e8  # bytes of the largest Jacobian that is kept as a whole
LOWEST = 1e-30  # E_in is 0 to the accuracy of the arithmetic


@dataclass(frozen=True)
class Contender:
    """An optimizer in this race. package: what it needs, as it is imported. small: only for small sums of squares."""

    name: str
    run: Callable[[Instance, Trace], None]
    package: str | None = None
    small: bool = False

    def suits(self, problem: Problem) -> bool:
        """Whether it takes part in this problem."""
        residuals = problem.rows * problem.d[-1]
        small = problem.weights <= residuals <= SMALL / 8 / problem.weights
        return not self.small or (small and problem.error == "squared")


CONTENDERS = (
    Contender("distnn lbfgs", ours.runner("lbfgs")),
    Contender("distnn levenberg-marquardt", ours.runner("levenberg-marquardt"), small=True),
    Contender("scikit-learn L-BFGS", scikit_learn.run, "sklearn"),
    Contender("PyTorch L-BFGS", pytorch.lbfgs, "torch"),
    Contender("PyTorch Adam", pytorch.adam, "torch"),
    Contender("scipy least_squares lm", least_squares.runner("lm"), "scipy", small=True),
    Contender("scipy least_squares trf", least_squares.runner("trf"), "scipy", small=True),
)
LIBRARIES = {"sklearn": "sklearn.neural_network", "torch": "torch", "scipy": "scipy.optimize"}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "torch": "torch", "scipy": "scipy"}


def present() -> dict[str, str]:
    """The versions of those peers that are installed, by the names of their packages."""
    found = {package: find_spec(package) is not None for package in DISTRIBUTIONS}
    return {package: version(DISTRIBUTIONS[package]) for package, here in found.items() if here}


def race(problem: Problem, seeds: Sequence[int], contenders: Sequence[Contender]) -> Iterator[tuple[str, Trace]]:
    """Run all contenders for each seed in turn; yields name and trace. Local.

    RuntimeError if a contender minimises another function than the first.
    """
    for seed in seeds:
        instance = problem.instance(seed)
        start = None
        for contender in contenders:
            trace = Trace(LOWEST if problem.to_the_end else problem.goals[-1], problem.seconds)
            trace = run(contender, instance, trace)
            start = trace.first if start is None else start
            if not abs(trace.first - start) <= SAME * abs(start):
                raise RuntimeError(f"{contender.name} begins at {trace.first!r} in {problem.name}, not at {start!r}.")
            yield contender.name, trace


def run(contender: Contender, instance: Instance, trace: Trace) -> Trace:
    """The trace, after the contender has reached its end, with one thread."""
    if contender.package is not None:
        import_module(LIBRARIES[contender.package])  # a BLAS that is loaded later would not know of the limit
    blas.limit_threads(1)
    with suppress(Finished):
        contender.run(instance, trace)
    return trace
