"""What was understood of a table, a sentence for each group of columns, and what may be meant otherwise."""

from __future__ import annotations

import math
import re
from itertools import groupby

import numpy as np

from distnn.data import hints
from distnn.data.columns import Columns
from distnn.data.encoding import Encoding
from distnn.data.preparation import Preparation
from distnn.data.shard import Examples
from distnn.data.survey import Survey
from distnn.data.tables import ExclusiveOr, Source
from distnn.data.tables.source import listed, typed
from distnn.runs.options import Options
from distnn.runs.plan import Plan

MANY = 0.1  # share of the rows that stand in the table more than once, from which on that is said
FILLED = {"mean": ", the mean", "median": ", the median"}
NAME = re.compile(r"(^|[\W_])(id|ID|Id|uid|UID|key)$|[a-z](Id|ID)$")  # of columns that name their rows
DOUBTS = {
    hints.COUNTS: "it counts the rows; if it is no quantity, but the number of a row, leave it out: --ignore {name}",
    hints.DIFFERENT: "by its name and its numbers, which are all different, it says which row this is, and nothing can "
    "be learnt from that: leave it out, --ignore {name}",
    hints.DATED: "it looks like dates, YYYYMMDD, where the first of a month is far from the last of the one before: "
    "make it a number, such as days, or leave it out: --ignore {name}",
    hints.BEYOND: "whole numbers beyond 2^53, the last digits of which are lost; if they are ids, leave them out: "
    "--ignore {name}",
}


def describe(
    options: Options, source: Source, planned: Plan, looked: Survey, preparation: Preparation, examples: Examples
) -> list[str]:
    """The sentences. Local, replicated result."""
    if isinstance(source, ExclusiveOr):
        return []
    columns = planned.recipe.columns
    notes = [f"{source.path}: {'; '.join(source.notes)}"] if source.notes else []
    kinds = [(_kind(options, source, looked, j, e), j) for j, e in zip(columns.inputs, columns.encodings, strict=True)]
    for kind, group in groupby(kinds, key=lambda found: found[0]):
        names = [source.columns[j] for _, j in group]
        notes.append(f"{'input' if len(names) == 1 else 'inputs'} {listed(names)}: {kind}")
    notes.append(_target(options, source, columns, looked, preparation, examples))
    return [*notes, *_weights(preparation, examples), *_copies(examples), *_hints(preparation, examples)]


def _kind(options: Options, source: Source, looked: Survey, column: int, encoding: Encoding) -> str:
    """What a column of inputs is taken for."""
    missing, kind = looked.found[column].missing, str(encoding.kind)
    if kind == "words":
        kind = f"{len(encoding.categories)} words ({listed(encoding.categories, 6)}), an input each"
    elif kind == "booleans":
        kind = "true or false, as 1 and 0"
    elif encoding.transform:
        kind = f"{encoding.transform} of numbers"
    if kind == "numbers" and _are_text(source, column):
        kind = "numbers, stored as text (--types takes them for words)"
    if not missing:
        return kind
    if encoding.fill is None:
        return f"{kind}, {missing:,} missing, their rows left out"
    instead = f"{encoding.fill:.6g} in their place{FILLED.get(str(options.impute), '')}"
    if encoding.kind == "words":
        instead = "all 0 there"
    return f"{kind}, {missing:,} missing, {instead}" + (", and an input that says so" if encoding.indicator else "")


def _are_text(source: Source, column: int) -> bool:
    """Does a table that has types say that this column is text?"""
    return source.typed and source.kind(column) is None


def _target(
    options: Options,
    source: Source,
    columns: Columns,
    looked: Survey,
    preparation: Preparation,
    examples: Examples,
) -> str:
    """What the targets are taken for."""
    names = [source.columns[j] for j in columns.targets]
    held = f"{examples.rows + examples.validation_rows + examples.test_rows:,} numbers"
    if preparation.classes:
        held = f"{len(preparation.classes.names)} classes ({listed(preparation.classes.names, 6)})"
    else:
        if any(_are_text(source, j) for j in columns.targets):
            held += ", stored as text (--classes takes them for classes)"
        if any(columns.transforms):
            held += f", {listed(sorted({name for name in columns.transforms if name}))} of them"
    if options.classes and not preparation.classes:
        held = "labels, 0 or 1 each, of which a row may have several or none"
    elif examples.hints and examples.hints.binary:
        held += ", all 0 or 1: predicted as numbers; if they are classes, say --classes, which also trains faster"
    if missing := sum(looked.found[j].missing for j in columns.targets):
        held += f", {missing:,} missing, their rows left out"
    last = not options.targets and options.data is not None and columns.targets == (len(source.columns) - 1,)
    default = ", the last column (--targets names another)" if last else ""
    return f"{'target' if len(names) == 1 else 'targets'} {listed(names)}{default}: {held}"


def _weights(preparation: Preparation, examples: Examples) -> list[str]:
    """What weights of rows mean, where there are some."""
    if preparation.weight is None:
        return []
    n, rows = math.ldexp(examples.n, -examples.exponent), examples.rows
    counts = f"weights: a row counts for as many as its weight, {rows:,} rows for n = {n:.6g}"
    if rows / 2 <= n <= 2 * rows:
        return [counts]
    return [f"{counts}; if they are no counts, but 1/σ² for example, scale them to a sum of {rows:,}: else error bars "
            "and --optimizer bayesian take the rows for more than they are, or for fewer"]  # fmt: skip


def _copies(examples: Examples) -> list[str]:
    """That rows stand in the table more than once, where many do."""
    if not examples.hints or examples.hints.copies < MANY:
        return []
    first = f"first {hints.EARLY:,} " if examples.rows > hints.EARLY else ""
    return [f"{100 * examples.hints.copies:.0f} % of the {first}rows are the same as one before, target and all: if "
            "they are copies, leave them out, since what is left out, held out or in another fold is known by "
            "its copies, and its errors are too low"]  # fmt: skip


def _hints(preparation: Preparation, examples: Examples) -> list[str]:
    """Inputs that tell nothing, values that may stand for missing ones, and numbers that may be no quantities."""
    names = [*preparation.input_names, *preparation.targets]
    constant = [names[j] for j in np.flatnonzero(preparation.input_scaling.constant)]
    not_learnt = f"{listed(constant, 6)}: the same in all rows to train on; what another value does is not learnt"
    suspects = [
        f"{names[column]}: {value:g} stands there {count:,} times, and is the least or largest: if it means that "
        f"a value is missing, say --missing {value:g}, and --impute median"
        for column, (value, count) in (examples.hints.suspects if examples.hints else {}).items()
    ]
    for column, what in (examples.hints.doubts if examples.hints else {}).items():
        if what != hints.DIFFERENT or NAME.search(names[column]):
            suspects.append(f"{names[column]}: {DOUBTS[what].format(name=typed(names[column]))}")
    return [not_learnt, *suspects] if constant else suspects
