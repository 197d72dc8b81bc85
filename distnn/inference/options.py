"""Options of the commands that apply a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.data.tables import KNOWN_FORMATS
from distnn.declared import LENGTH, AtLeast, Positional

DATA, JOB = "Model and data", "Job"  # groups of options in --help


@dataclass(frozen=True, kw_only=True)
class ApplyOptions:
    """Options of every command that applies a model."""

    model: Annotated[str, DATA, "The model: the directory of a run, or a model file or checkpoint.", Positional()] = ""
    data: Annotated[
        str | None,
        DATA,
        f"Table to apply it to, {KNOWN_FORMATS}; - for rows of text on stdin.",
        Positional(),
    ] = None
    header: Annotated[
        bool | None,
        DATA,
        "The first line of a CSV file names its columns. Default: as in the training.",
    ] = None
    delimiter: Annotated[
        str | None,
        DATA,
        "What stands between the fields of a text table: a character, tab or space. Default: as in the training.",
    ] = None
    decimal: Annotated[
        Literal[".", ","] | None, DATA, "The decimal mark of a text table. Default: as in the training."
    ] = None
    encoding: Annotated[str | None, DATA, "The encoding of a text table. Default: as in the training."] = None
    unknown: Annotated[
        Literal["error", "zeros"],
        DATA,
        "Words that no row had in the training: an error, or zeros, as if the word were none of those known.",
    ] = "error"
    examples: Annotated[
        int | None, DATA, "Instead of --data: the built-in exclusive-or, with so many examples.", AtLeast(1), LENGTH
    ] = None
    seed: Annotated[int, DATA, "Seed of the built-in data set.", AtLeast(0)] = 0
    threads: Annotated[int, DATA, "BLAS threads a rank.", AtLeast(1)] = 1
