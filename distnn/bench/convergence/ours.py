"""distnn's own optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from distnn.bench.convergence.problems import Instance
from distnn.bench.convergence.trace import Trace
from distnn.data.tables import ArraySource
from distnn.network.network import Network
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.runs.assembly import assemble
from distnn.runs.options import Options
from distnn.training.loop import train
from distnn.training.objective import Evaluation, Objective
from distnn.training.progress import begin


class Observed(Objective):
    """An objective that writes every evaluation down."""

    def __init__(self, trace: Trace, *arguments: Any):
        super().__init__(*arguments)
        self.trace = trace

    def __call__(self, w: np.ndarray, shares: np.ndarray | None = None) -> Evaluation:
        found = super().__call__(w, shares)
        self.trace.note(found.E, self.evaluations)
        return found


def objective(instance: Instance, trace: Trace) -> Observed:
    """E_in of the instance on this process alone, exactly as a training has it."""
    ranks = OneRank()
    network = Network(instance.d, output_theta=instance.output_theta)
    options = Options(
        hidden=instance.d[1:-1],
        output_theta=instance.output_theta,
        error=instance.error,
        classes=False,
        standardise=False,
        standardise_targets=False,
    )
    assembly = assemble(options, ArraySource(instance.X, instance.Y, None, ranks), ranks, network)
    return Observed(trace, assembly.objective.backpropagation, assembly.examples, ranks)


def runner(name: str) -> Callable[[Instance, Trace], None]:
    """What runs the optimizer of this name with its defaults, in the loop that trainings use."""

    def run(instance: Instance, trace: Trace) -> None:
        E_in, optimizer = objective(instance, trace), OPTIMIZERS[name]()
        trace.start()
        for _ in train(E_in, optimizer, lambda record: None, begin(E_in, optimizer, instance.w, 1)):
            pass

    return run
