"""When to stop: the limits of quantities, which are declared with these in training/record.py, and expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any

from distnn.declared import LENGTH, AtLeast
from distnn.errors import UserError
from distnn.training.record import QUANTITIES, Limit
from distnn.training.termination import Criterion, any_of, compare, parse

STOPPING = "When to stop"
LIMITS = {q.limit.option: (name, q.limit) for name, q in QUANTITIES.items() if q.limit}  # by options: of which quantity


def _field(limit: Limit) -> tuple[str, Any, Any]:
    least = () if limit.least is None else (AtLeast(limit.least),)
    kind = limit.kind | None if limit.default is None else limit.kind
    return limit.option, Annotated[kind, STOPPING, limit.words, *least], limit.default


if TYPE_CHECKING:

    @dataclass(frozen=True, kw_only=True)
    class LimitOptions:
        """One field for each limit; below are those that code reads."""

        max_iterations: int | None = None
        goal: float | None = None
        patience: int | None = None
        max_seconds: float | None = None

else:
    LimitOptions = make_dataclass(
        "LimitOptions", [_field(limit) for _, limit in LIMITS.values()], frozen=True, kw_only=True
    )
    LimitOptions.__module__ = __name__


@dataclass(frozen=True, kw_only=True)
class StoppingOptions(LimitOptions):
    """Limits, any of which ends the training."""

    window: Annotated[
        int,
        STOPPING,
        "Iterations over which the improvement is taken.",
        AtLeast(1),
        LENGTH,
    ] = 100
    stop: Annotated[
        str | None,
        STOPPING,
        "More criteria, such as 't >= 1000 and improvement < 1e-6 or E_in < 0.01'.",
    ] = None


def criterion(options: StoppingOptions) -> Criterion:
    """When to stop, from all options that say so: any of them. UserError if --stop makes no sense."""
    values = {option: getattr(options, option) for option in LIMITS}
    criteria = [
        compare(name, limit.sign, values[option])
        for option, (name, limit) in LIMITS.items()
        if values[option] not in (None, limit.never)
    ]
    return any_of(*criteria, *([parse(options.stop)] if options.stop else []))


def check(options: StoppingOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if options.goal is not None and math.isnan(options.goal):
        raise UserError("--goal nan: give a number.")
    criterion(options)
