"""`python -m distnn.export`: a trained model for other programs, such as codes in C or Fortran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import Positional
from distnn.errors import UserError
from distnn.inference.export import EXPORTERS, export, model_name
from distnn.inference.stored import load_model
from distnn.parallel.ranks import Ranks, on_root

PROGRAM = "distnn export"
ABOUT = """Write a trained model for other programs.

What is written takes inputs and gives outputs as they stand in tables, and needs no distnn.

Examples:
distnn export runs/lift --to c
distnn export runs/lift --to fortran --out wing --units pressure=Pa lift=N"""

LANGUAGES = "; ".join(f"{name}: {exporter.holds}" for name, exporter in EXPORTERS.items())
EXPORT = "Export"  # the group of options in --help


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of the command."""

    model: Annotated[str, EXPORT, "The model: the directory of a run, or a model file or checkpoint.", Positional()] = (
        ""
    )
    to: Annotated[tuple[str, ...], EXPORT, f"One or more of {LANGUAGES}."] = ()
    out: Annotated[
        str | None,
        EXPORT,
        "What the files' names begin with, or a folder, in which they have the model's name. Default: the working "
        "directory.",
    ] = None
    units: Annotated[
        tuple[str, ...], EXPORT, "Units of inputs and targets, for comments, such as pressure=Pa angle=degrees."
    ] = ()
    overwrite: Annotated[bool, EXPORT, "Replace files that are there already."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Export as the arguments say. Collective; rank 0 does it. Returns the exit code."""

    def write() -> list[Path] | None:
        options = parse(ExportOptions, PROGRAM, ABOUT, arguments)
        if options is None:
            return None
        if not options.model:
            raise UserError("--model is missing: the directory of a run, or a model file.")
        if not options.to:
            raise UserError(f"--to is missing: what to write the model as. One or more of {', '.join(EXPORTERS)}.")
        model, out = load_model(options.model), Path(options.out or ".")
        if os.path.isdir(out) or (options.out or "").endswith("/"):
            out /= model_name(options.model)
        return export(model, options.to, out, _units(options.units), options.overwrite)

    for path in on_root(ranks, write) or ():
        if ranks.rank == 0:
            print(path)
    return 0


def _units(given: Sequence[str]) -> dict[str, str]:
    """Units by name. UserError for what is no pair."""
    for pair in given:
        if not all(pair.rpartition("=")):
            raise UserError(f"--units {pair}: give a name and its unit, such as pressure=Pa.")
    return {name: unit for name, _, unit in (pair.rpartition("=") for pair in given)}


if __name__ == "__main__":
    run(main)
