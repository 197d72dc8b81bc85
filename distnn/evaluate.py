"""`python -m distnn.evaluate`: the error of a trained model on a table, and how often its classes are right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.data.preparation import Rows
from distnn.errors import UserError
from distnn.inference.application import DATA, Application, ApplyOptions
from distnn.parallel.ranks import Ranks, on_root
from distnn.parallel.reduction import ExactSum
from distnn.streams import held_out

PROGRAM = "python -m distnn.evaluate"
ABOUT = """Compute the error of a trained model on a table with targets:
python -m distnn.evaluate --model runs/mine --data test.csv

Prints E, the mean error that training minimised; for numbers the root mean square error and R² of each target in its
own units; for classes the share that is right and the confusion matrix."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ApplyOptions):
    """Options of the command."""

    rows: Annotated[
        Literal["all", "trained", "held-out"],
        DATA,
        "Rows to use: all, or, of the table that the model was trained on, those trained on or held out.",
    ] = "all"
    json: Annotated[bool, DATA, "Print JSON for a program instead of tables."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Evaluate as the arguments say. Collective. Returns the exit code."""
    options = on_root(ranks, lambda: parse(EvaluateOptions, PROGRAM, ABOUT, arguments))
    if options is None:
        return 0
    result = evaluate(Application(options, ranks, with_targets=True), options.rows, ranks)
    if ranks.rank == 0:
        print(json.dumps(result)) if options.json else show(result)
    return 0


def evaluate(application: Application, which: str, ranks: Ranks) -> dict[str, Any]:
    """E and what else is known of the model on the table, for JSON. Collective, replicated; exact like E_in.

    Where the table has weights, an example counts as its weight, in the confusion matrix too; n is Σ weights.
    """
    model, preparation = application.model, application.model.preparation
    classes = preparation.classes
    K = len(classes.names) if classes else 0
    m = 0 if classes else len(preparation.targets)
    # Σ weights, Σ e, then the confusion matrix, or for each target: Σ y, Σ y², Σ (prediction - y)². There y is
    # taken from its mean in the training: the digits of a small spread around 1e7 would be lost in Σ y².
    scaling = preparation.target_scaling
    centre = 0.0 if scaling is None else scaling.shift + scaling.mean
    sizes = [1, 1, K * K] if classes else [1, 1, *[1] * (3 * m)]
    sums = ExactSum(ranks, sizes, len(application.blocks), application.cut.count)

    def term(j: int, out: np.ndarray) -> None:
        rows = _chosen(application, which, application.rows(j))
        block = application.block(rows)
        weights = np.ones(len(rows.inputs)) if rows.weights is None else rows.weights
        out[0] = weights.sum()
        out[1] = application.backpropagation.error(block)
        outputs = application.backpropagation.outputs(block.x)
        if classes:
            true = preparation.codes(rows.words(), application.source.path)
            out[2:] = np.bincount(true * K + classes.decode(outputs), weights, minlength=K * K)
        else:
            y, residual = rows.targets - centre, model.unscale(outputs).T - rows.targets
            out[2 : 2 + m], out[2 + m : 2 + 2 * m], out[2 + 2 * m :] = (
                weights @ values for values in (y, y**2, residual**2)
            )

    total = sums(term)
    n = float(total[0])
    if n == 0:
        raise UserError(f"{application.source.path}: there are no rows to evaluate on (--rows {which}).")
    result: dict[str, Any] = {"n": n, "E": float(total[1]) / n}
    if classes:
        confusion = total[2:].reshape(K, K)
        right = float(np.trace(confusion)) / n
        if application.columns.weight is None:
            confusion = confusion.astype(int)
        return {**result, "right": right, "classes": list(classes.names), "confusion": confusion.tolist()}
    y, y2, residual2 = total[2:].reshape(3, m) / n
    variance = y2 - y**2
    targets = {
        name: {
            "rmse": float(np.sqrt(residual2[j])),
            "R2": float(1 - residual2[j] / variance[j]) if variance[j] > 0 else None,
        }
        for j, name in enumerate(preparation.targets)
    }
    return {**result, "targets": targets}


def _chosen(application: Application, which: str, rows: Rows) -> Rows:
    if which == "all":
        return rows
    share, seed = application.model.held_out["share"], application.model.held_out["seed"]
    out = held_out(seed, share, rows.start, rows.start + len(rows.inputs))
    return rows.select(out if which == "held-out" else ~out)


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
