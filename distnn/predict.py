"""`python -m distnn.predict`: apply a trained model to a table, on one process or under mpirun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import AtLeast
from distnn.inference.application import Application
from distnn.inference.certainty import quantile
from distnn.inference.options import DATA, JOB, ApplyOptions
from distnn.inference.predictions import Predictions
from distnn.inference.writers import WRITERS, on_stdout, write, writer_for
from distnn.inference.writers.earlier import holds_predictions, keep_table
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.watchdog import SECONDS, WORDS, watched_reading, watching
from distnn.storage.overwriting import make_way

PROGRAM = "distnn predict"
ABOUT = """Apply a trained model to a table.

It needs the input columns that the model was trained with, by name (or in the same places, where it has no names). One
line is written for each row, in order.

Examples:
distnn predict runs/lift new.csv --out predictions.csv
distnn predict runs/lift - <new.csv >predictions.csv
distnn predict runs/lift new.csv --keep '*' --derivatives --out all.parquet"""

FORMATS = ", ".join(f"{ending} ({writer.holds})" for ending, writer in WRITERS.items())


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ApplyOptions):
    """Options of the command."""

    out: Annotated[str | None, DATA, f"File to write: {FORMATS}. Default, and -: CSV on stdout."] = None
    overwrite: Annotated[
        bool, DATA, "Replace the file --out, whatever it holds. Default: only if it holds such predictions."
    ] = False
    keep: Annotated[
        tuple[str, ...],
        DATA,
        "Columns of the table to write before the predictions, by name, number, range a:d or pattern 'id*'; '*' are "
        "all. A target among them is called 'true NAME'.",
    ] = ()
    derivatives: Annotated[
        bool, DATA, "Write the derivatives of each output by each input, too, in the units of the table."
    ] = False
    intervals: Annotated[
        float | None,
        DATA,
        "Write bounds of each target that hold with this probability, such as 0.95: lower and upper, of the function "
        "and of a new observation; of classes those of each output, and its average over what the weights may be. For "
        "models that were trained with --intervals.",
    ] = None
    watchdog: Annotated[float, JOB, WORDS, AtLeast(0)] = SECONDS


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Predict as the arguments say. Collective. Returns the exit code."""
    options = watched_reading(ranks, arguments, lambda: parse(PredictOptions, PROGRAM, ABOUT, arguments))
    if options is None:
        return 0
    writer = writer_for(options.out)  # refuses before anything is read
    if options.intervals is not None:
        quantile(options.intervals, option="--intervals ")
    on_root(ranks, lambda: keep_table(options.data, options.out))
    with watching(ranks, options.watchdog):
        application = Application(options, ranks, with_targets=False)
        predictions = Predictions(
            application, options.keep, options.derivatives, options.intervals, writer.typed, writer.words
        )
        if options.out is not None and not on_stdout(options.out):
            out, names = Path(options.out), [field.name for field in predictions.fields]
            own = partial(holds_predictions, names=names)
            on_root(ranks, lambda: make_way([out], options.overwrite, own, "such predictions"))
        write(predictions, writer, options.out, ranks)
    return 0


if __name__ == "__main__":
    run(main)
