"""What is observed after each iteration: its record, and with it which weights are the best so far."""

from __future__ import annotations

from distnn.optimizers import Optimizer, State
from distnn.training.objective import Objective
from distnn.training.progress import Progress
from distnn.training.record import Moment, measure


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
        progress = self.progress
        now = Moment(
            t=t,
            state=state,
            objective=self.objective,
            before=progress.record,
            w_before=None if progress.record is None else progress.state.w,
            window=progress.window,
            best_t=progress.best_t,
            best_E_val=progress.best_E_val,
            optimizer=self.optimizer,
            evaluates=t % self.every == 0,
            began=self.began,
            memory=dict(progress.memory),
        )
        record = measure(now)
        # No message from here on: the progress is that of iteration t on all ranks, or of t - 1.
        progress.state, progress.record, progress.memory = state, record, now.memory
        progress.window.append(record.E_in)
        if not record.stale:
            progress.best_w, progress.best_t = state.w, t
            progress.best_E_in = record.E_in
            progress.best_E_val = min(progress.best_E_val, record.E_val)  # NaN without validation, never less


def evaluation_interval(objective: Objective, optimizer: Optimizer, evaluate_every: int = 0) -> int:
    """Iterations between two evaluations of E_in over all of D. evaluate_every: 0 for once per pass over D."""
    if not optimizer.stochastic:
        return 1
    return evaluate_every or max(1, objective.examples.rows // objective.batches.size)
