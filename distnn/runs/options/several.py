"""Several trainings at once, by groups of ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from distnn.declared import TRAININGS, AtLeast
from distnn.errors import UserError

SEVERAL = "Several trainings"


@dataclass(frozen=True, kw_only=True)
class SeveralOptions:
    """Several trainings of one table, each of which is the same as if it were done alone."""

    folds: Annotated[
        int | None,
        SEVERAL,
        "Cross-validation: cut the rows into this many parts, shuffled by --seed, each with its share of each class; "
        "train once for each, on all others, and test on it.",
        AtLeast(2),
        TRAININGS,
    ] = None
    folds_by: Annotated[
        str | None,
        SEVERAL,
        "With --folds: rows with the same value in this column stay together. It is no input, unless --inputs says so.",
    ] = None
    out_of_fold: Annotated[
        str | None,
        SEVERAL,
        "With --folds: file for the predictions of all rows, each by the model that was trained without it; the ending "
        "says the format, as for predict. Default: out-of-fold.csv in --out.",
    ] = None
    restarts: Annotated[
        int,
        SEVERAL,
        "Train this many times, from the seeds --seed, --seed + 1, …, and keep the best.",
        AtLeast(1),
        TRAININGS,
    ] = 1
    members: Annotated[
        int | None,
        SEVERAL,
        "Ensemble: train this many times, from the seeds --seed, --seed + 1, … Their mean is what they predict.",
        AtLeast(2),
        TRAININGS,
    ] = None
    bootstrap: Annotated[
        bool,
        SEVERAL,
        "With --members: each sees every row as often as a draw says, 0, 1, 2, … times, once in the mean.",
    ] = False
    only: Annotated[
        int | None,
        SEVERAL,
        "Do one of several trainings alone, by its number from 0.",
        AtLeast(0),
    ] = None
    group_size: Annotated[
        int | None,
        SEVERAL,
        "Ranks that train together; the others train something else meanwhile. Default: what is fastest, as measured.",
        AtLeast(1),
    ] = None
    total_seconds: Annotated[
        float | None,
        SEVERAL,
        "Stop all of them after so many seconds in all, each with a checkpoint: --resume goes on; --max-seconds is of "
        "each.",
        AtLeast(0),
    ] = None


def check(options: SeveralOptions) -> None:
    """Raise UserError, one sentence, for what contradicts each other. Local."""
    kinds = {"--folds": options.folds or 1, "--restarts": options.restarts, "--members": options.members or 1}
    given = [name for name, count in kinds.items() if count > 1]
    if len(given) > 1:
        raise UserError(f"{given[0]} and {given[1]} do not go together: give one of them.")
    if options.bootstrap and not options.members:
        raise UserError("--bootstrap draws the rows of --members: add --members 10.")
    if options.folds_by is not None and not options.folds:
        raise UserError(f"--folds-by {options.folds_by} says what --folds keeps together: add --folds 5.")
    if options.out_of_fold is not None and not options.folds:
        raise UserError(f"--out-of-fold {options.out_of_fold} is for the predictions of --folds: add --folds 5.")
    count = max(kinds.values())
    if options.only is not None and not options.only < count:
        raise UserError(
            f"--only {options.only} is none of {count} trainings, which are numbered from 0."
            if given
            else f"--only {options.only} is one of several trainings: add --folds, --members or --restarts."
        )
    for name, value in (("--group-size", options.group_size), ("--total-seconds", options.total_seconds)):
        if value is not None and not (given and options.only is None):
            raise UserError(f"{name} {value:g} is for several trainings: add --folds, --members or --restarts.")
