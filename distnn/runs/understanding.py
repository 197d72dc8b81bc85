"""From a table to examples: its first rows say what the columns hold, and all of them where these are not enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from distnn.data.columns import Columns
from distnn.data.fields import read_fields
from distnn.data.filling import FILLERS, together
from distnn.data.folds import Folds, deal
from distnn.data.kinds import NEARLY
from distnn.data.loading import load
from distnn.data.preparation import Preparation
from distnn.data.sampling import trained
from distnn.data.shard import Examples
from distnn.data.shelf import Room
from distnn.data.survey import Survey, chunks, survey
from distnn.data.tables import Source
from distnn.errors import TooLittleRoom, UserError
from distnn.network.network import Network
from distnn.parallel.allowance import for_rows, parse
from distnn.parallel.ranks import Ranks
from distnn.runs.notes import describe
from distnn.runs.options import Options
from distnn.runs.plan import Plan, first_look, forced_kinds, plan


def read_table(options: Options, source: Source, ranks: Ranks) -> tuple[Plan, Preparation, Examples, list[str]]:
    """The plan, how rows are prepared, this rank's examples, and what was understood in sentences. Collective.

    What a column is does not hang on its first rows: if they are all numbers, that is tried, and if any row of any rank
    holds something else, all rows are looked at; so they are, at once, where the first rows hold words or gaps. The
    table is read twice at most, but where a guess was wrong. UserError for bad data.
    """
    asked = options
    options, columns, looked = _look(options, source, ranks)
    planned = plan(options, source, columns, looked)
    Network([1, *options.widths, 1], options.theta, planned.recipe.output_theta)  # refuses before the rows are read
    if looked.complete:
        planned = _filled(options, source, planned, looked, ranks)
    memory = memory_for_rows(options, ranks)
    wrong = None
    try:
        with ranks.none_alone():  # an error that is not known to all ranks is no reason to look at all rows
            preparation, examples = _load(options, source, planned, memory, ranks)
    except UserError as error:
        if looked.complete or isinstance(error, TooLittleRoom):
            raise
        wrong = error.with_traceback(None)  # which would keep the rows that were read
    if wrong is not None:
        looked = _survey(options, source, columns, looked, ranks)
        again = plan(options, source, columns, looked)
        if again == planned:  # then it is not for the guess
            raise wrong
        planned = again
        preparation, examples = _load(options, source, planned, memory, ranks)
    return planned, preparation, examples, describe(asked, source, planned, looked, preparation, examples)


def plan_alone(options: Options, source: Source, ranks: Ranks) -> Plan:
    """The plan, as far as it is known without reading the rows for training. Collective, replicated."""
    options, columns, looked = _look(options, source, ranks)
    return plan(options, source, columns, looked)


def _look(options: Options, source: Source, ranks: Ranks) -> tuple[Options, Columns, Survey]:
    """The options that the targets leave, the columns, and what they hold: by the first rows, or by all. Collective."""
    columns, looked = first_look(options, source, ranks)
    if options.classes and len(columns.targets) > 1 and _are_labels(source, columns, ranks):
        options = replace(options, classes=False, error=options.error or "cross-entropy")
    if _tells_too_little(options, looked):
        looked = _survey(options, source, columns, looked, ranks)
    return options, columns, looked


def _are_labels(source: Source, columns: Columns, ranks: Ranks) -> bool:
    """Are several targets, all of them 0 or 1, labels of which a row may have several, or none? Collective, replicated.

    They are where that is so in more than a few rows; else they are one class in each, and these rows are mistakes.
    """
    cut, alone = chunks(source.n), replace(columns, inputs=())
    source.prepare(*cut.rows_owned(ranks.rank, ranks.size))
    counts = np.zeros(3, np.int64)  # rows, those of several labels or none, numbers that are neither 0 nor 1
    with ranks.sharing_errors():
        for chunk in cut.owned(ranks.rank, ranks.size):
            targets = read_fields(source, alone, *cut.bounds(chunk)).table
            others = ((targets != 0) & (targets != 1)).sum()
            counts += len(targets), (targets.sum(axis=1) != 1).sum(), others
    ranks.sum(counts)
    rows, odd, others = counts.tolist()
    return others == 0 and odd > (1 - NEARLY) * rows


def memory_for_rows(options: Options, ranks: Ranks) -> int:
    """The bytes that this rank's rows may take. Collective."""
    return for_rows(ranks) if options.memory is None else parse(options.memory)


def _load(options: Options, source: Source, planned: Plan, memory: int, ranks: Ranks) -> tuple[Preparation, Examples]:
    return load(source, planned.recipe, planned.cut, options.dtype, ranks, Room(memory, options.scratch))


def _tells_too_little(options: Options, looked: Survey) -> bool:
    """Must all rows be looked at, for categories, or for what is filled in?"""
    if options.impute in ("mean", "median") or options.indicator or options.types:
        return True
    return any(
        found.words or found.missing or found.kind == "words" or (found.kind is None and not found.values)
        for found in looked.found.values()
    )


def _survey(
    options: Options, source: Source, columns: Columns, first: Survey, ranks: Ranks, folds: Folds | None = None
) -> Survey:
    """What all rows hold, and of those trained on the means or medians of inputs, if asked for. Collective."""
    forced = forced_kinds(options, source)
    every = (*columns.inputs, *columns.targets)
    words = [j for j in every if forced.get(j) in ("words", "booleans") or first.found[j].words]
    look = partial(survey, source, every, columns.missing, ranks, weight=columns.weight, words=words)
    if options.impute not in FILLERS:
        return look()
    counts: Callable[[np.ndarray], np.ndarray] = partial(trained, options.seed, options.validation or 0.0, options.test)
    if folds is not None:
        counts = _trained(options, folds)
    numbers = [j for j in columns.inputs if j not in words]
    filler = FILLERS[options.impute](len(numbers), Room(memory_for_rows(options, ranks), options.scratch))
    looked = look(show=lambda rows, values: filler.add(together(values, numbers, counts(rows))))
    fills = np.nan_to_num(filler(chunks(source.n).count, ranks))
    return replace(looked, fills=dict(zip(numbers, fills.tolist(), strict=True)))


def _trained(options: Options, folds: Folds) -> Callable[[np.ndarray], np.ndarray]:
    """Which of some rows, given by number, are trained on, in one fold of a cross-validation. Local."""

    def of(rows: np.ndarray) -> np.ndarray:
        return trained(options.seed, options.validation or 0.0, 0.0, rows) & (folds.of(rows) != (options.only or 0))

    return of


def _filled(options: Options, source: Source, planned: Plan, looked: Survey, ranks: Ranks) -> Plan:
    """The plan with the means or medians that fill the gaps. Collective, replicated."""
    columns, lot = planned.recipe.columns, planned.recipe.lot
    if looked.fills and lot is not None:  # whose folds are known by the targets, which had to be understood first
        looked = _survey(options, source, columns, looked, ranks, deal(lot, source, columns, chunks(source.n), ranks))
    encodings = tuple(
        replace(e, fill=looked.fills[j]) if e.kind == "numbers" and j in looked.fills else e
        for j, e in zip(columns.inputs, columns.encodings, strict=True)
    )
    return replace(planned, recipe=replace(planned.recipe, columns=replace(columns, encodings=encodings)))
