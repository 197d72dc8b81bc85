"""`python -m distnn.evaluate`: the error of a trained model on a table, and how often its classes are right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.options import DATA, JOB, ApplyOptions
from distnn.parallel.ranks import Ranks
from distnn.resilience.watchdog import SECONDS, WORDS, watched_reading, watching

PROGRAM = "python -m distnn.evaluate"
ABOUT = """Compute the error of a trained model on a table with targets:
python -m distnn.evaluate --model runs/mine --data test.csv

Prints E, the mean error that training minimised; for numbers the root mean square error and R² of each target in its
own units; for classes the share that is right and the confusion matrix."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ApplyOptions):
    """Options of the command."""

    rows: Annotated[
        Literal["all", "trained", "held-out", "test"],
        DATA,
        "Rows to use: all, or, of the table that the model was trained on, those trained on, held out by --validation "
        "or kept by --test.",
    ] = "all"
    json: Annotated[bool, DATA, "Print JSON for a program instead of tables."] = False
    watchdog: Annotated[float, JOB, WORDS] = SECONDS


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Evaluate as the arguments say. Collective. Returns the exit code."""
    options = watched_reading(ranks, arguments, lambda: parse(EvaluateOptions, PROGRAM, ABOUT, arguments))
    if options is None:
        return 0
    with watching(ranks, options.watchdog):
        result = evaluate(Application(options, ranks, with_targets=True), options.rows)
    if ranks.rank == 0:
        print(json.dumps(result)) if options.json else show(result)
    return 0


def show(result: dict[str, Any]) -> None:
    """Print what `evaluate` found. Local."""
    from distnn.command_line.console import pairs, table

    rows = [("examples", f"{result['n']:,.15g}"), ("E", f"{result['E']:.6g}")]
    if "targets" in result:
        for name, found in result["targets"].items():
            r2 = "" if found["R2"] is None else f", R² {found['R2']:.6g}"
            rows.append((name, f"root mean square error {found['rmse']:.6g}{r2}"))
        pairs(rows)
        return
    pairs([*rows, ("right", f"{100 * result['right']:.2f} %")])
    if len(result["classes"]) <= 30:
        body = [
            (name, *(f"{count:.6g}" for count in counts))
            for name, counts in zip(result["classes"], result["confusion"], strict=True)
        ]
        table("Rows: the true class; columns: the predicted one.", ("", *result["classes"]), body)
    else:
        print(f"The confusion matrix of {len(result['classes'])} classes is in the output of --json.")


if __name__ == "__main__":
    run(main)
