"""What a report tells in words and tables."""

from __future__ import annotations

import json
import math
from typing import Any

from distnn.report.history import History
from distnn.report.markup import Markup, folded, paragraph, table, tag, text
from distnn.report.subject import Subject
from distnn.runs.metrics import number

ERRORS = ("E_in", "E_val", "E_test")  # of result.json


def summary(subject: Subject) -> list[Markup]:
    """What was trained, how it ended, and how well the model does."""
    found = []
    if facts := [*_network(subject), *(_course(subject.histories[0]) if len(subject.histories) == 1 else ())]:
        found.append(table((), facts, numbers=False))
    if subject.predictions is not None:
        found += _errors(subject)
    return found


def _network(subject: Subject) -> list[tuple[str, str]]:
    model = subject.model
    if model is None:
        return []
    network, preparation = model.network, model.preparation
    rows = [
        (
            "network",
            f"d = {list(network.d)}, {network.w.size:,} weights, θ {network.theta}, output {network.output_theta}, "
            f"{model.error} error, {model.dtype}",
        ),
        ("inputs", _listed(preparation.inputs)),
        ("targets", _listed(preparation.targets)),
    ]
    if subject.classes:
        rows.append(("classes", _listed(subject.classes)))
    return rows


def _course(history: History) -> list[tuple[str, str]]:
    """How a training went, as far as it is known."""
    result, rows = history.result, []
    if "optimizer" in history.options:
        rows.append(("optimizer", str(history.options["optimizer"])))
    if result:
        rows.append(("stopped because", str(result.get("text"))))
        rows.append(("what next", str(result.get("advice"))))
        rows.append(("weights kept", f"those of iteration {result.get('best_t')} of {result.get('t')}"))
    rows += [(name, _number(result[name])) for name in ERRORS if result.get(name) is not None]
    if history.records:
        last = {name: float(history.of(name)[-1]) for name in ("t", "evaluations", "seconds")}
        rows.append(("iterations", f"{last['t']:,.0f} ({last['evaluations']:,.6g} passes over D)"))
        rows.append(("time", f"{last['seconds']:,.4g} s"))
    return rows


def _errors(subject: Subject) -> list[Markup]:
    """What `evaluate` says of the table, by the rows that were trained on and those that were not."""
    found = subject.predictions
    assert found is not None
    kinds = list(found.evaluations)
    values = [_flat(found.evaluations[kind]) for kind in kinds]
    names = list(dict.fromkeys(name for own in values for name in own))
    rows = [(name, *(own.get(name, "") for own in values)) for name in names]
    title = paragraph(
        f"The errors of {subject.model_path} on {found.path}, as distnn evaluate measures them, in the units "
        "of the table:"
    )
    return [title, table(("rows", *kinds), rows)]


def _flat(evaluation: dict[str, Any], before: str = "") -> dict[str, str]:
    """The numbers of an evaluation, by what they are; no lists, which have places of their own."""
    flat: dict[str, str] = {}
    for name, value in evaluation.items():
        if name in APART:
            continue
        named = f"{before} {NAMES.get(name, name)}".strip()
        if isinstance(value, dict):
            flat |= _flat(value, before if name == "targets" else named)
        elif isinstance(value, int | float) or value is None:
            flat[named] = "" if value is None else _number(value)
    return flat


NAMES = {
    "n": "examples",
    "right": "share right",
    "rmse": "root mean square error",
    "mae": "mean absolute error",
    "R2": "R²",
    "log_loss": "log loss",
    "averaged_log_loss": "log loss, averaged",
    "auc": "ROC AUC",
    "f1": "F1",
    "log_density": "mean log predictive density",
}
APART = ("by_class",)  # has a table of its own


def by_class(subject: Subject) -> list[Markup]:
    """How well each class is told from the others."""
    found = subject.predictions
    if found is None or not subject.classes:
        return []
    classes = found.evaluations[found.which]["by_class"]
    keys = list(dict.fromkeys(key for own in classes.values() for key in own))
    rows = [(name, *(_number(own.get(key)) for key in keys)) for name, own in classes.items()]
    return [folded("Each class", table(("class", *(NAMES.get(key, key) for key in keys)), rows))]


def worst_rows(subject: Subject) -> list[Markup]:
    """The rows with the largest errors, by their places in the table."""
    found = subject.predictions
    if found is None:
        return []
    evaluation = found.evaluations[found.which]
    if subject.classes:
        header = ("row", "true", "predicted", "what the output of the true class lacks")
        return [folded("The largest errors", table(header, _worst(evaluation["worst"])))]
    header = ("row", "true", "predicted", "error")
    return [
        folded(f"{name}: the largest errors", table(header, _worst(of["worst"])))
        for name, of in evaluation["targets"].items()
    ]


def _worst(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    shown = [{key: v if isinstance(v, str) else _number(v) for key, v in row.items()} for row in rows]
    return [(row["place"], row["true"], row["predicted"], row["error"]) for row in shown]


def comparison(histories: list[History]) -> list[Markup]:
    """The ends of several runs beside each other, and the options in which they differ."""
    if len(histories) < 2:
        return []
    names = [history.name for history in histories]
    rows: list[tuple[str, ...]] = [
        (name, *(_number(history.result.get(name)) for history in histories)) for name in ERRORS
    ]
    rows.append(("iterations", *(_last(history, "t") for history in histories)))
    rows.append(("seconds", *(_last(history, "seconds") for history in histories)))
    rows.append(("stopped because", *(str(history.result.get("text", "")) for history in histories)))
    parts = [paragraph("How the runs ended:"), table(("", *names), rows)]
    if differing := differences(histories):
        parts += [paragraph("The options in which they differ:"), table(("", *names), differing)]
    else:
        parts.append(paragraph("Their options are the same."))
    return parts


def compared(subject: Subject) -> list[Markup]:
    """The errors of several models on the same rows, beside each other."""
    found = subject.compared
    if found is None:
        return []
    rows = [(name, *map(_number, values)) for name, values in found.measures]
    return [paragraph(f"Errors on the same {found.rows} of {found.path}:"), table(("", *found.names), rows)]


def differences(histories: list[History]) -> list[tuple[str, ...]]:
    """The options that are not the same in all runs: name, and the value in each; "" where it is not given."""
    names = dict.fromkeys(name for history in histories for name in history.options)
    rows = [(name, *(_option(history.options.get(name)) for history in histories)) for name in names]
    return [row for row in rows if len(set(row[1:])) > 1]


def configuration(subject: Subject) -> list[Markup]:
    """All options, and the environment that the bits depend on, of each run."""
    parts = []
    for history in subject.histories:
        of = f" of {history.name}" if len(subject.histories) > 1 else ""
        if history.options:
            rows = [(name, _option(value)) for name, value in history.options.items()]
            parts.append(folded(f"Options{of}", table((), rows, numbers=False)))
        if history.environment:
            rows = [(name, _option(value)) for name, value in history.environment.items()]
            parts.append(folded(f"Environment{of}", table((), rows, numbers=False)))
    return parts


def commands(subject: Subject) -> list[Markup]:
    """How to repeat it."""
    return [
        part for words, line in subject.commands for part in (paragraph(words), tag("pre", tag("code", text(line))))
    ]


def _last(history: History, quantity: str) -> str:
    values = history.of(quantity)
    return _number(values[-1]) if len(values) else ""


def _number(value: Any) -> str:
    value = number(value)
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    return f"{int(value):,}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _option(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
