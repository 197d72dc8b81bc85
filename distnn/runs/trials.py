"""Trainings before the real one, by which something is chosen: how one is carried out, followed and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distnn.runs.assembly import Assembly
from distnn.runs.options import Options
from distnn.training.progress import Progress
from distnn.training.termination import Criterion, Reason

ITERATIONS = 100  # of a trial: it settles, or is near enough

Look = Callable[[str], object]  # what is called on rank 0 after an iteration of a trial, with the words for the trial


class Stopped(Exception):
    """A signal or the like stopped what chooses: nothing is chosen, and nothing to save. On all ranks."""

    def __init__(self, reason: Reason):
        super().__init__(reason.text)
        self.reason = reason


class OutOfTime(Exception):
    """The time for trials is used up. On all ranks."""


def trained(made: Assembly, until: Criterion | None, words: str, look: Look) -> Progress:
    """A trial at its end; until: whatever ends the real training, unless None. Collective.

    Stopped or OutOfTime where it was stopped.
    """
    progress = made.begin()
    for _ in made.iterations(progress, until):
        if made.objective.ranks.rank == 0:
            look(words)
    assert progress.reason is not None
    if progress.reason.quantity == "interrupted":
        raise Stopped(progress.reason)
    if progress.reason.quantity == "seconds":
        raise OutOfTime
    return progress


def shared(options: Options) -> Options:
    """Members of an ensemble are to have the same choice, also where each has drawn its rows."""
    return options if options.folds else replace(options, only=None, bootstrap=False)
