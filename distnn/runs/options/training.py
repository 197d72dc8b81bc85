"""How to train."""

# mypy: disable-error-code="valid-type"

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.data.sampling import SAMPLING
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.reduction import REDUCTIONS
from distnn.runs.options.fields import AtLeast

TRAINING = "Training"


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The optimizer, what it draws, and how ranks sum and compute."""

    optimizer: Annotated[
        Literal[tuple(OPTIMIZERS)] | None,
        TRAINING,
        "How to step. Default: the first that has the settings given; without any, by n, |W| and error function.",
    ] = None
    fit_exactly: Annotated[
        bool,
        TRAINING,
        "Fit the rows as exactly as may be: nothing is done by itself against learning their noise by heart. So it is "
        "where --optimizer, a setting of one, --weight-decay, --validation or --goal is given.",
    ] = False
    batch_size: Annotated[
        int,
        TRAINING,
        "Examples a step, for stochastic optimizers, drawn by --seed and t.",
        AtLeast(1),
    ] = 1
    sampling: Annotated[
        Literal[tuple(SAMPLING)],
        TRAINING,
        "How stochastic optimizers draw: with replacement, or in epochs, each example once in shuffled order.",
    ] = "replacement"
    evaluate_every: Annotated[
        int,
        TRAINING,
        "Steps between evaluations of E_in over all of D, for stochastic optimizers. 0: once per pass over D.",
        AtLeast(0),
    ] = 0
    intervals: Annotated[
        Literal["all", "last"] | None,
        TRAINING,
        "Learn and store how sure the model is, for predict --intervals: by all weights, at most 5,000, or by those of "
        "the last layer alone.",
    ] = None
    reduction: Annotated[
        Literal[tuple(REDUCTIONS)],
        TRAINING,
        "Sum over ranks: exact gives the same bits for every number of ranks; plain, a few percent faster, does not.",
    ] = "exact"
    threads: Annotated[
        int,
        TRAINING,
        "BLAS threads a rank. One rank a core with 1 thread is fastest.",
        AtLeast(1),
    ] = 1
