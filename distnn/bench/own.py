"""distnn itself: the whole training loop, with its records, termination and the log of metrics, as a user runs it."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

import numpy as np

from distnn.accelerator import connect
from distnn.bench.workloads import ETA, Workload
from distnn.data.shard import Examples
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.optimizers import GradientDescent
from distnn.parallel.ranks import Ranks
from distnn.runs.metrics import Metrics
from distnn.training.loop import train
from distnn.training.objective import Objective
from distnn.training.progress import begin
from distnn.training.termination import any_of, compare


class Own:
    """A training that goes on as long as it is asked to. Collective over its ranks.

    reduction: as for Objective. engine: what computes the gradients, if not the usual one. device: of `train --device`.
    """

    def __init__(
        self,
        workload: Workload,
        examples: Examples,
        ranks: Ranks,
        reduction: str = "exact",
        engine: Backpropagation | None = None,
        device: str | None = None,
    ):
        self.ranks = ranks
        network = Network(workload.d).initialise()
        self.engine = engine or Backpropagation(network, "squared", np.dtype(workload.dtype))
        terms = device and connect(device, "full", network, "squared", workload.dtype, examples, ranks)
        objective = Objective(self.engine, examples, ranks, reduction, terms=terms or None)
        optimizer = GradientDescent(ETA)
        progress = begin(objective, optimizer, network.w, 10)
        never = any_of(compare("t", ">=", math.inf), compare("E_in", "<=", 0), compare("gradient_norm", "<=", 0))
        self.loop = train(objective, optimizer, never, progress)
        next(self.loop)  # the record of what `begin` has computed
        self.folder = tempfile.TemporaryDirectory(prefix="distnn-bench-")
        self.metrics = Metrics(Path(self.folder.name) / "metrics.jsonl")

    def seconds(self, iterations: int) -> float:
        """Seconds an iteration, over so many. Collective; local."""
        self.ranks.maximum(np.zeros(1))  # all begin together
        start = time.perf_counter()
        for _ in range(iterations):
            record = next(self.loop)
            if self.ranks.rank == 0:
                self.metrics.append(record, at_once=False)
        return (time.perf_counter() - start) / iterations

    def close(self) -> None:
        """Remove the log."""
        self.loop.close()  # type: ignore[attr-defined]
        self.folder.cleanup()
