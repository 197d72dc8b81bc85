"""What is known of an iteration: its record, and which weights are the best so far."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from distnn.optimizers import Optimizer, State
from distnn.training.objective import Objective
from distnn.training.progress import Progress
from distnn.training.termination import Record

PART = 16384  # numbers that are handled at a time: the second-level cache has them


class Observer:
    """Brings a progress from iteration to iteration. Its clock goes on from the progress' record, if there is one.

    evaluate_every: as for `evaluation_interval`. Made right after the ranks agreed on the time.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer, progress: Progress, evaluate_every: int):
        self.objective, self.optimizer, self.progress = objective, optimizer, progress
        self.every = evaluation_interval(objective, optimizer, evaluate_every)
        self.began = objective.ranks.now
        if progress.record is not None:
            self.began -= progress.record.seconds
            objective.evaluations = progress.record.evaluations

    def observe(self, state: State, t: int) -> None:
        """Bring the progress to `state`, that of iteration t. Collective, replicated."""
        objective, progress = self.objective, self.progress
        before = progress.record
        E_in, E_val, gradient_norm = self._E_in(state, t), objective.validation_error(state.w), norm(state.G)
        step = math.nan if before is None else distance(state.w, progress.state.w)
        # No message from here on: the progress is that of iteration t on all ranks, or of t - 1.
        progress.state = state
        progress.window.append(E_in)
        better = math.isfinite(E_in) and math.isfinite(gradient_norm) and (before is None or math.isfinite(step))
        if objective.examples.validation_rows:
            better = better and E_val < progress.best_E_val
        if better:
            progress.best_w, progress.best_t = state.w, t
            progress.best_E_val = min(progress.best_E_val, E_val)  # the latter is NaN without validation, never less
        seconds = objective.ranks.now - self.began
        passes, elapsed = objective.evaluations, seconds
        if before is not None:
            passes, elapsed = passes - before.evaluations, elapsed - before.seconds
        progress.record = Record(
            t=t,
            E_in=E_in,
            E_val=E_val,
            gradient_norm=gradient_norm,
            step=step,
            improvement=improvement(progress.window),
            stale=t - progress.best_t,
            evaluations=objective.evaluations,
            seconds=seconds,
            examples_per_second=passes * objective.examples.rows / elapsed if elapsed > 0 else math.nan,
        )

    def _E_in(self, state: State, t: int) -> float:
        """E_in over all of D; of a stochastic optimizer, that at its last evaluation. Collective, replicated."""
        if not self.optimizer.stochastic:
            return state.E
        before = self.progress.record
        if before is None or t % self.every == 0:
            return self.objective.error(state.w)
        return before.E_in


def evaluation_interval(objective: Objective, optimizer: Optimizer, evaluate_every: int = 0) -> int:
    """Iterations between two evaluations of E_in over all of D. evaluate_every: 0 for once per pass over D."""
    if not optimizer.stochastic:
        return 1
    return evaluate_every or max(1, objective.examples.rows // objective.batches.size)


def norm(v: np.ndarray) -> float:
    """The Euclidean length of v."""
    return math.sqrt(float(v @ v))


def distance(v: np.ndarray, w: np.ndarray) -> float:
    """The Euclidean length of v - w, part by part: of millions of weights, v - w would go through the memory twice."""
    if len(v) <= PART:
        return norm(v - w)
    parts = (slice(start, start + PART) for start in range(0, len(v), PART))
    return math.sqrt(sum(float(step @ step) for step in (v[part] - w[part] for part in parts)))


def improvement(window: deque[float]) -> float:
    """(E_in(t - window) - E_in(t)) / |E_in(t - window)|; NaN before there are so many values."""
    if len(window) < (window.maxlen or 0) or not window[0]:
        return math.nan
    return (window[0] - window[-1]) / abs(window[0])
