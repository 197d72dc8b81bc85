"""What to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from distnn.data.tables import KNOWN_FORMATS
from distnn.errors import UserError
from distnn.runs.options.fields import AtLeast

DATA = "Data"


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The table, its columns, the rows held out, and how they are prepared."""

    data: Annotated[
        str | None,
        DATA,
        f"Table to learn from, an example a row: {KNOWN_FORMATS}. Default: a built-in one, the exclusive-or.",
    ] = None
    targets: Annotated[
        tuple[str, ...],
        DATA,
        "Columns to predict, by name or number (from 0; -1 is the last). Default: the last column, or Y of an .npz.",
    ] = ()
    weights: Annotated[
        str | None,
        DATA,
        "Column that holds a weight (0 or more) for each example.",
    ] = None
    classes: Annotated[
        bool | None,
        DATA,
        "Targets are classes. Default: if they are words, or with --error cross-entropy.",
    ] = None
    header: Annotated[
        bool | None,
        DATA,
        "The first line of a CSV file names its columns. Default: if none of its fields is a number.",
    ] = None
    examples: Annotated[
        int,
        DATA,
        "Number of examples of the built-in data set.",
        AtLeast(1),
    ] = 10_000
    validation: Annotated[
        float,
        DATA,
        "Share of the rows to hold out, chosen by --seed and row number, to compute E_val on.",
    ] = 0.0
    standardise: Annotated[
        bool,
        DATA,
        "Standardise inputs to mean 0 and deviation 1 over all of D.",
    ] = True
    standardise_targets: Annotated[
        bool | None,
        DATA,
        "Standardise targets too. Default: in a regression with identity output.",
    ] = None


def check(options: DataOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if not 0 <= options.validation < 1:
        raise UserError(f"--validation {options.validation}: give a share of at least 0 and below 1, such as 0.1.")
    if options.data is None and (options.targets or options.weights):
        raise UserError("--targets and --weights are for a table of your own: add --data FILE.")
