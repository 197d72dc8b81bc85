"""What to learn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.data.encoding import TRANSFORMS
from distnn.data.kinds import KINDS
from distnn.data.tables import KNOWN_FORMATS, Written
from distnn.declared import LENGTH, AtLeast, Positional
from distnn.errors import UserError

DATA = "Data"


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The table, its columns, the rows held out, and how they are prepared."""

    data: Annotated[
        str | None,
        DATA,
        f"Table to learn from, an example a row: {KNOWN_FORMATS}; - for text on stdin. Default: a built-in one, the "
        "exclusive-or.",
        Positional(),
    ] = None
    targets: Annotated[
        tuple[str, ...],
        DATA,
        "Columns to predict, by name or number (from 0; -1 is the last). Default: the last column that holds no "
        "weights, or Y of an .npz.",
    ] = ()
    inputs: Annotated[
        tuple[str, ...],
        DATA,
        "Columns to learn from, by name or number, as a range a:d or a pattern 'x*'. Default: all others.",
    ] = ()
    ignore: Annotated[
        tuple[str, ...],
        DATA,
        "Columns to leave out, given as for --inputs.",
    ] = ()
    types: Annotated[
        tuple[str, ...],
        DATA,
        f"What columns hold, COLUMN=KIND, a kind being {', '.join(KINDS)}. Default: decided by all of their values.",
    ] = ()
    missing: Annotated[
        tuple[str, ...],
        DATA,
        "What stands for a missing value, besides an empty field and NaN. Rows without a target are left out then. "
        "Default: NA, N/A, #N/A, <NA>, ?, NULL.",
    ] = ()
    impute: Annotated[
        Literal["mean", "median", "constant", "drop"] | None,
        DATA,
        "What to do about missing inputs: fill in the column's mean or median over D, or --fill; or leave the rows "
        "out. Default: refuse them.",
    ] = None
    fill: Annotated[
        float,
        DATA,
        "The number that --impute constant fills in.",
    ] = 0.0
    indicator: Annotated[
        bool,
        DATA,
        "With --impute: an input more for each column with missing values, which is 1 where one is missing.",
    ] = False
    categories: Annotated[
        int,
        DATA,
        "The most different words in a column of inputs; each becomes an input.",
        AtLeast(1),
    ] = 100
    transform: Annotated[
        tuple[str, ...],
        DATA,
        f"Columns of inputs or targets to transform, COLUMN=FUNCTION, one of {', '.join(TRANSFORMS)}; predictions are "
        "transformed back.",
    ] = ()
    class_weights: Annotated[
        tuple[str, ...],
        DATA,
        "balanced: each class weighs the same, however many rows it has; or a weight a class, CLASS=WEIGHT.",
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
    delimiter: Annotated[
        str | None,
        DATA,
        "What stands between the fields of a text table: a character, tab or space. Default: judged by its look.",
    ] = None
    decimal: Annotated[
        Literal[".", ","] | None,
        DATA,
        "The decimal mark of a text table. Default: a comma where numbers have one, and none has a point.",
    ] = None
    encoding: Annotated[
        str | None,
        DATA,
        "The encoding of a text table, such as cp1250. Default: UTF-8, UTF-16 or else Latin-1.",
    ] = None
    examples: Annotated[
        int,
        DATA,
        "Number of examples of the built-in data set.",
        AtLeast(1),
        LENGTH,
    ] = 10_000
    validation: Annotated[
        float | None,
        DATA,
        "Share of the rows to hold out, chosen by --seed and row number, to compute E_val on. Default: 0, or 0.2 in "
        "regressions with few rows for a large network.",
    ] = None
    test: Annotated[
        float,
        DATA,
        "Share of the rows to keep for a test, which neither train nor choose the weights, chosen as for --validation; "
        "their error E_test is computed once, at the end.",
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

    @property
    def written(self) -> Written:
        """What is said of how a text table is written."""
        return Written(self.delimiter, self.decimal, self.encoding)


def check(options: DataOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    validation = options.validation or 0.0
    for name, share in (("--validation", validation), ("--test", options.test)):
        if not 0 <= share < 1:
            raise UserError(f"{name} {share}: give a share of at least 0 and below 1, such as 0.1.")
    if validation + options.test >= 1:
        raise UserError(
            f"--validation {validation:g} and --test {options.test:g} leave no row to train on: lower one of them."
        )
    if options.data is None and (options.targets or options.weights):
        raise UserError(
            "--targets and --weights are for a table of your own: give it first, as in train table.csv --targets y."
        )
    options.written.check()
    if options.data is None and options.written != Written():
        raise UserError("--delimiter, --decimal and --encoding are for a text table of your own: add --data FILE.")
    if options.impute is None and options.indicator:
        raise UserError("--indicator says which values were filled in: add --impute median (or mean, constant).")
    if options.impute == "drop" and options.indicator:
        raise UserError("--impute drop leaves the rows out that --indicator would mark: leave one of the two out.")
    if options.fill != 0 and options.impute != "constant":
        raise UserError(f"--fill {options.fill:g} is what --impute constant fills in: add it.")
    if not math.isfinite(options.fill):
        raise UserError(f"--fill {options.fill}: give a finite number.")
