"""When to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Annotated

from distnn.errors import UserError
from distnn.runs.options.fields import AtLeast
from distnn.training.termination import Criterion, any_of, compare, parse

STOPPING = "When to stop"


@dataclass(frozen=True, kw_only=True)
class StoppingOptions:
    """Limits, any of which ends the training; one that is at its default never does."""

    max_iterations: Annotated[
        int | None,
        STOPPING,
        "Stop after this many iterations. Default: 1000, or 100 for the optimizers that solve for their steps.",
        AtLeast(0),
    ] = None
    min_improvement: Annotated[
        float,
        STOPPING,
        "Stop when E_in fell by less than this share of itself over --window iterations.",
        AtLeast(0),
    ] = 0.0
    window: Annotated[
        int,
        STOPPING,
        "Iterations over which the improvement is taken.",
        AtLeast(1),
    ] = 100
    goal: Annotated[
        float | None,
        STOPPING,
        "Stop when E_in is at most this.",
    ] = None
    min_gradient: Annotated[
        float,
        STOPPING,
        "Stop when the gradient's norm is at most this.",
        AtLeast(0),
    ] = 0.0
    patience: Annotated[
        int | None,
        STOPPING,
        "Stop when E_val has not fallen for this many iterations. The weights with the lowest E_val are kept.",
        AtLeast(1),
    ] = None
    min_step: Annotated[
        float,
        STOPPING,
        "Stop when a step changes w by at most this.",
        AtLeast(0),
    ] = 0.0
    max_evaluations: Annotated[
        float | None,
        STOPPING,
        "Stop after this many passes over D.",
        AtLeast(0),
    ] = None
    max_seconds: Annotated[
        float | None,
        STOPPING,
        "Stop after this many seconds, with a checkpoint.",
        AtLeast(0),
    ] = None
    stop: Annotated[
        str | None,
        STOPPING,
        "More criteria, such as 't >= 1000 and improvement < 1e-6 or E_in < 0.01'.",
    ] = None


# Which quantity an option limits, and how. Where several are met at once, the first is the reason.
LIMITS = {
    "max_iterations": ("t", ">="),
    "goal": ("E_in", "<="),
    "min_improvement": ("improvement", "<="),
    "min_gradient": ("gradient_norm", "<="),
    "min_step": ("step", "<="),
    "max_evaluations": ("evaluations", ">="),
    "patience": ("stale", ">="),
    "max_seconds": ("seconds", ">="),
}


def criterion(options: StoppingOptions) -> Criterion:
    """When to stop, from all options that say so: any of them. UserError if --stop makes no sense."""
    defaults = {field.name: field.default for field in fields(StoppingOptions)}
    given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) != defaults[name]}
    criteria = [compare(*LIMITS[name], limit) for name, limit in given.items()]
    return any_of(*criteria, *([parse(options.stop)] if options.stop else []))


def check(options: StoppingOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if options.goal is not None and math.isnan(options.goal):
        raise UserError("--goal nan: give a number.")
    criterion(options)
