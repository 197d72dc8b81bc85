"""The training loop, which reads like the lecture's algorithm."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from distnn.optimizers import Optimizer, State
from distnn.parallel import replicas
from distnn.training.objective import Objective
from distnn.training.termination import Criterion, Reason, Record, interrupted, not_finite

PART = 16384  # numbers that are handled at a time: the second-level cache has them


@dataclass
class Progress:
    """How far a training has come: all that must be stored to go on as if it had never been interrupted. Replicated.

    state: the optimizer's. record: of the iteration reached, None before the first. window: the last values of E_in,
    for the improvement. best_w: the weights with the lowest E_val (best_E_val, at best_t); with no validation, the
    last ones with a finite error. reason: why the training stopped, None while it has not.

    `train` changes it only between iterations, never before a message: an error leaves that of the last iteration.
    """

    state: State
    window: deque[float]
    best_w: np.ndarray
    best_E_val: float = math.inf
    best_t: int = 0
    record: Record | None = None
    reason: Reason | None = None


def begin(objective: Objective, optimizer: Optimizer, w: np.ndarray, window: int) -> Progress:
    """Progress before the first iteration, with the weights w. Collective, replicated."""
    objective.evaluations = 0.0
    w = w.copy()  # which no optimizer changes
    return Progress(optimizer.start(objective, w), deque(maxlen=window + 1), w)


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
    every = evaluation_interval(objective, optimizer, evaluate_every)
    objective.ranks.agree(np.zeros(2))
    began = objective.ranks.now
    if progress.record is None:
        _observe(objective, optimizer, progress, progress.state, 0, every, began)
    else:
        began -= progress.record.seconds
        objective.evaluations = progress.record.evaluations
    assert progress.record is not None
    verified: int | None = None
    while True:
        progress.reason = _reason(criterion, progress, progress.record, objective.ranks.signal)
        if check_every and (progress.reason or progress.record.t % check_every == 0):
            replicas.check(progress.state.tensors(), progress.record.t, verified, objective.ranks)
            verified = progress.record.t
        yield progress.record
        if progress.reason:
            return
        t = progress.record.t
        with np.errstate(all="ignore"):  # a number that is no longer finite ends the training, in words
            state = optimizer.step(objective, progress.state, t)
            _observe(objective, optimizer, progress, state, t + 1, every, began)


def evaluation_interval(objective: Objective, optimizer: Optimizer, evaluate_every: int = 0) -> int:
    """Iterations between two evaluations of E_in over all of D."""
    if not optimizer.stochastic:
        return 1
    return evaluate_every or max(1, objective.examples.rows // objective.batch_size)


def norm(v: np.ndarray) -> float:
    """The Euclidean length of v."""
    return math.sqrt(float(v @ v))


def distance(v: np.ndarray, w: np.ndarray) -> float:
    """The Euclidean length of v - w, part by part: of millions of weights, v - w would go through the memory twice."""
    if len(v) <= PART:
        return norm(v - w)
    parts = (slice(start, start + PART) for start in range(0, len(v), PART))
    return math.sqrt(sum(float(step @ step) for step in (v[part] - w[part] for part in parts)))


def _observe(
    objective: Objective, optimizer: Optimizer, progress: Progress, state: State, t: int, every: int, began: float
) -> None:
    """Bring the progress to `state`, that of iteration t. Collective, replicated."""
    before = progress.record
    if not optimizer.stochastic:
        E_in = state.E
    elif before is None or t % every == 0:
        E_in = objective.error(state.w)
    else:
        E_in = before.E_in
    E_val, gradient_norm = objective.validation_error(state.w), norm(state.G)
    step = math.nan if before is None else distance(state.w, progress.state.w)
    progress.state = state
    progress.window.append(E_in)
    finite = math.isfinite(E_in) and math.isfinite(gradient_norm) and (before is None or math.isfinite(step))
    if objective.examples.validation_rows:
        better = finite and E_val < progress.best_E_val
    else:
        better = finite
    if better:
        progress.best_w, progress.best_t = state.w, t
        progress.best_E_val = min(progress.best_E_val, E_val)  # the latter is NaN without validation, and never less
    seconds = objective.ranks.now - began
    passes, elapsed = objective.evaluations, seconds
    if before is not None:
        passes, elapsed = passes - before.evaluations, elapsed - before.seconds
    progress.record = Record(
        t=t,
        E_in=E_in,
        E_val=E_val,
        gradient_norm=gradient_norm,
        step=step,
        improvement=_improvement(progress.window),
        stale=t - progress.best_t,
        evaluations=objective.evaluations,
        seconds=seconds,
        examples_per_second=passes * objective.examples.rows / elapsed if elapsed > 0 else math.nan,
    )


def _improvement(window: deque[float]) -> float:
    if len(window) < (window.maxlen or 0) or not window[0]:
        return math.nan
    return (window[0] - window[-1]) / abs(window[0])


def _reason(criterion: Criterion, progress: Progress, record: Record, caught: int) -> Reason | None:
    """Why to stop after this iteration, if at all. From replicated numbers only: the same on all ranks."""
    reason = not_finite(record) or criterion(record)
    if reason is None and progress.state.stuck:
        reason = Reason(progress.state.stuck, "Other --seed values or another --optimizer may find a lower error.")
    if reason is None and caught:
        reason = interrupted(caught)
    return reason
