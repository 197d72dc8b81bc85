"""`python -m distnn.evaluate`: the error of a trained model on a table, and how often its classes are right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import AtLeast
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate, for_json
from distnn.inference.measures.classes import SCORES
from distnn.inference.options import DATA, JOB, ApplyOptions
from distnn.parallel.ranks import Ranks
from distnn.resilience.watchdog import SECONDS, WORDS, watched_reading, watching

PROGRAM = "distnn evaluate"
ABOUT = """Compute the error of a trained model on a table with targets.

Prints E, the mean error that training minimised; for numbers the root mean square and mean absolute error and R² of
each target in its own units; for classes the share that is right, the log loss, the area under the ROC curve,
precision, recall and F1 of each class, and the confusion matrix; for labels, of which a row may have several, the same
of each: as scikit-learn defines them.

Examples:
distnn evaluate runs/lift test.csv
distnn evaluate runs/lift table.csv --rows held-out --worst 5"""

SINGLE = (("log loss", "log_loss"), ("averaged", "averaged_log_loss"), ("ROC AUC", "auc"))
HEADINGS = {"f1": "F1", "auc": "ROC AUC", "n": "examples"}
MEANS = ("micro", "macro", "weighted")
MOST = 30  # classes that are printed


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ApplyOptions):
    """Options of the command."""

    rows: Annotated[
        Literal["all", "trained", "held-out", "test"],
        DATA,
        "Rows to use: all, or, of the table that the model was trained on, those trained on, held out by --validation "
        "or kept by --test.",
    ] = "all"
    worst: Annotated[int, DATA, "Show so many rows with the largest errors, of each target.", AtLeast(0)] = 0
    leverage: Annotated[
        int,
        DATA,
        "Of the table that the model was trained on: the error that leaving each row out would show, and so many rows "
        "with the largest leverages, which decide the fit most. For models of numbers, trained with --intervals.",
        AtLeast(0),
    ] = 0
    json: Annotated[bool, DATA, "Print JSON for a program instead of tables."] = False
    watchdog: Annotated[float, JOB, WORDS, AtLeast(0)] = SECONDS


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Evaluate as the arguments say. Collective. Returns the exit code."""
    options = watched_reading(ranks, arguments, lambda: parse(EvaluateOptions, PROGRAM, ABOUT, arguments))
    if options is None:
        return 0
    with watching(ranks, options.watchdog):
        application = Application(options, ranks, with_targets=True)
        result = evaluate(application, options.rows, options.worst, options.leverage)
    if ranks.rank == 0:
        print(json.dumps(for_json(result), allow_nan=False)) if options.json else show(result)
    return 0


def show(result: dict[str, Any]) -> None:
    """Print what `evaluate` found. Local."""
    from distnn.command_line.console import pairs

    rows = [("examples", f"{result['n']:,.15g}"), ("E", f"{result['E']:.6g}")]
    if "targets" in result:
        for name, found in result["targets"].items():
            r2 = "" if found["R2"] is None else f", R² {found['R2']:.6g}"
            rows.append((name, f"root mean square error {found['rmse']:.6g}, mean absolute {found['mae']:.6g}{r2}"))
            rows += sureness(name, found)
        labels = result.get("labels")
        pairs(rows + ([("all labels", f"right in {100 * labels['right']:.2f} % of the rows")] if labels else []))
        if labels:
            show_scores("Each label, taken as given where its probability is above 0.5, and their means.", labels)
        for name, found in result["targets"].items():
            show_worst(f"The largest leverages on {name}.", found.get("leverages"), "leverage")
            show_worst(f"The largest errors of {name}.", found.get("worst"))
        return
    rows.append(("right", f"{100 * result['right']:.2f} %"))
    rows += [(name, f"{result[key]:.6g}") for name, key in SINGLE if result.get(key) is not None]
    pairs(rows)
    if len(result["classes"]) <= MOST:
        show_classes(result)
    else:
        print(f"Each of the {len(result['classes'])} classes, and the confusion matrix, are in the output of --json.")
    show_worst("The largest errors: what the output of the true class lacks.", result.get("worst"))


def show_classes(result: dict[str, Any]) -> None:
    """Print what is known of each class, and the confusion matrix. Local."""
    from distnn.command_line.console import table

    show_scores("Each class, and their means.", result)
    body = [
        (name, *(f"{count:.6g}" for count in counts))
        for name, counts in zip(result["classes"], result["confusion"], strict=True)
    ]
    table("Rows: the true class; columns: the predicted one.", ("", *result["classes"]), body)


def show_scores(title: str, result: dict[str, Any]) -> None:
    """Print precision, recall, F1 and the area of each class or label, and their means. Local."""
    from distnn.command_line.console import table

    each = result.get("by_class") or result["by_label"]
    lines = [*each.items(), *((f"{name} mean", result[name]) for name in MEANS if name in result)]
    keys = [*SCORES, *["auc"] * any("auc" in found for found in each.values()), "n"]
    body = [(name, *("" if found.get(key) is None else f"{found[key]:.6g}" for key in keys)) for name, found in lines]
    table(title, ("", *(HEADINGS.get(key, key) for key in keys)), body)


def sureness(name: str, found: dict[str, Any]) -> list[tuple[str, str]]:
    """What is known of a target's intervals and leverages, as lines of a table."""
    lines, of = [], f" of {found['transform']} {name}" if "transform" in found else ""
    if "coverage" in found:
        within = f"{100 * found['coverage']:.2f} % within the 95 % intervals"
        lines.append(("", f"{within}, mean log predictive density {found['log_density']:.6g}{of}"))
    if "gamma" in found:
        error = "unknown" if found["left_out_rmse"] is None else f"{found['left_out_rmse']:.6g}"
        kept = ", hidden layers as they are" if "left_out_layers" in found else ""
        left_out = f"each row left out{kept}: root mean square error {error}{of}"
        lines.append(("", f"{left_out}; leverages sum to {found['gamma']:.6g}"))
    return lines


def show_worst(title: str, rows: Sequence[dict[str, Any]] | None, size: str = "error") -> None:
    """Print the rows with the largest errors, or whatever size, if they were asked for. Local."""
    from distnn.command_line.console import table

    if rows:
        body = [(row["place"], *map(shown, (row["true"], row["predicted"], row[size]))) for row in rows]
        table(title, ("", "true", "predicted", size), body)


def shown(value: float | str) -> str:
    """A number, or the name of a class."""
    return value if isinstance(value, str) else f"{value:.6g}"


if __name__ == "__main__":
    run(main)
