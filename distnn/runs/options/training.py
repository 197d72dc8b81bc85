"""How to train."""

# mypy: disable-error-code="valid-type"

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.data.sampling import SAMPLING
from distnn.declared import LENGTH, AtLeast
from distnn.errors import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.reduction import REDUCTIONS

TRAINING = "Training"
DEVICES = ("cpu", "gpu", "xla-cpu")


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
        "where --optimizer, a setting of one, --weight-decay, --validation 0 or --goal is given.",
    ] = False
    batch_size: Annotated[
        int,
        TRAINING,
        "Examples a step, for stochastic optimizers, drawn by --seed and t.",
        AtLeast(1),
        LENGTH,
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
    device: Annotated[
        Literal[tuple(DEVICES)],
        TRAINING,
        "What computes the sums over D: the CPU; gpu, one a rank, by JAX; xla-cpu, its program on the CPU, to try it.",
    ] = "cpu"
    precision: Annotated[
        Literal["full", "tf32"],
        TRAINING,
        "Products of float32 on a GPU: full, or tf32, faster, with three decimal digits.",
    ] = "full"
    threads: Annotated[
        int,
        TRAINING,
        "BLAS threads a rank. One rank a core with 1 thread is fastest.",
        AtLeast(1),
    ] = 1


def check(options: TrainingOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if options.device != "cpu" and options.reduction != "exact":
        raise UserError(f"--device {options.device} adds exactly: leave out --reduction {options.reduction}.")
    if options.precision != "full" and (options.device != "gpu" or options.dtype != "float32"):  # type: ignore[attr-defined]
        raise UserError(f"--precision {options.precision} is for --device gpu with --dtype float32: leave it out.")
