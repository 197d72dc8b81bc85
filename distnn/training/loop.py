"""The training loop, which reads like the lecture's algorithm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distnn.optimizers import Optimizer
from distnn.parallel import replicas
from distnn.training.advice import advised
from distnn.training.interruption import interrupted
from distnn.training.objective import Objective
from distnn.training.observation import Observer
from distnn.training.progress import Progress
from distnn.training.record import Record
from distnn.training.termination import Criterion, Reason, not_finite


def train(
    objective: Objective,
    optimizer: Optimizer,
    criterion: Criterion,
    progress: Progress,
    evaluate_every: int = 0,
    check_every: int = 0,
) -> Iterator[Record]:
    """Train until the criterion is met, a signal is caught, no step is possible or a number is not finite.

    Yields the record of t, t + 1, …, beginning with the one reached; `progress` is up to date at each, and holds the
    reason after the last. Collective: every rank runs the loop and gets the same records. evaluate_every: iterations
    between evaluations of E_in over all of D for stochastic optimizers; 0 for once per pass over D. check_every:
    iterations between checks that all ranks hold the same state (RankError if not), also at the end; 0 for never.
    """
    ranks = objective.ranks
    ranks.agree(np.zeros(2))  # on the time, and on signals that have come already
    observer = Observer(objective, optimizer, progress, evaluate_every)
    if progress.record is None:
        with np.errstate(all="ignore"):
            observer.observe(progress.state, 0)
    verified: int | None = None
    while (record := progress.record) is not None:  # always: it is since the first observation
        t = record.t
        reason = _reason(criterion, progress, record, ranks.signal)
        progress.reason = reason and advised(reason, progress, objective, optimizer)
        if check_every and (progress.reason or t % check_every == 0):
            replicas.check(progress.state.tensors(), t, verified, ranks)
            verified = t
        yield record
        if progress.reason:
            return
        with np.errstate(all="ignore"):  # a number that is no longer finite ends the training, in words
            state = optimizer.step(objective, progress.state, t)
            observer.observe(state, t + 1)


def _reason(criterion: Criterion, progress: Progress, record: Record, caught: int) -> Reason | None:
    """Why to stop after this iteration, if at all. From replicated numbers only: the same on all ranks."""
    if reason := not_finite(record) or criterion(record):
        return reason
    if progress.state.stuck:
        return Reason(progress.state.stuck, "Other --seed values may find a lower error.", quantity="stuck")
    return interrupted(caught, record.t) if caught else None
