"""Reading a rank's part of D into blocks, and learning from all of D how rows are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import add, or_
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import DTypeLike

from distnn.data import class_weights, weights
from distnn.data.classes import Classes, kind_of_labels, sort_names
from distnn.data.columns import Columns
from distnn.data.encoding import widths
from distnn.data.fingerprints import fingerprint, hash_rows
from distnn.data.folds import Lot, deal
from distnn.data.hints import Hints
from distnn.data.kinds import refuse_classes
from distnn.data.preparation import Preparation, Shift, Shifted
from distnn.data.rows import Rows
from distnn.data.sampling import bootstrap, for_test, held_out
from distnn.data.scaling import Scaling, measure
from distnn.data.shard import Examples
from distnn.data.shelf import Room, Shelf
from distnn.data.tables import Source
from distnn.data.tables.dialect import is_number
from distnn.errors import UserError
from distnn.kernels.algebra import total
from distnn.kernels.blocks import Block, Cut
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

WHOLE = 2.0**53  # up to which float64 has all whole numbers


@dataclass(frozen=True)
class Recipe:
    """How a table is to be prepared, as far as that is decided before its rows are read. Replicated.

    columns: which are what. output_theta: of the network, for the output values of classes. standardise,
    standardise_targets: inputs, and the targets of a regression, to mean 0 and deviation 1. validation, test: the
    shares of rows held out, and kept for the test, chosen by `seed` and row number. classes_asked: an option says that
    the target is a class. class_weights: "balanced", or CLASS=WEIGHT for each class that weighs more or less than 1.
    lot: in a cross-validation, whose fold is kept for the test. bootstrap: the member of an ensemble that sees each row
    as often as it is drawn for it; means and deviations are those of the rows, each once.
    """

    columns: Columns
    output_theta: str
    standardise: bool = True
    standardise_targets: bool = True
    validation: float = 0.0
    seed: int = 0
    classes_asked: bool = False
    class_weights: tuple[str, ...] = ()
    test: float = 0.0
    lot: Lot | None = None
    bootstrap: int | None = None


class Inputs(NamedTuple):
    """What means and deviations of inputs are measured on, of a block: x^(0), and the weights or None."""

    x: np.ndarray
    weights: np.ndarray | None


class Targets(NamedTuple):
    """The same of targets: y, and the weights or None."""

    y: np.ndarray
    weights: np.ndarray | None


class Weights(NamedTuple):
    """The weights of a block, or None."""

    weights: np.ndarray | None


def load(
    source: Source, recipe: Recipe, cut: Cut, dtype: DTypeLike, ranks: Ranks, room: Room | None = None
) -> tuple[Preparation, Examples]:
    """Read this rank's rows, and learn from all of D how to prepare them. Collective; Preparation replicated.

    Means and deviations come from the rows that are trained on, not from the others; classes from all. Rows are
    read a block at a time: memory is what the room allows of the shard, in dtype, and a few blocks. room: where the
    rows are kept; in memory where none is given. UserError, on all ranks, for bad data, or too little room.
    """
    source.prepare(*cut.rows_owned(ranks.rank, ranks.size))
    room = room or Room()
    with ranks.sharing_errors():
        room.expect(row_bytes(recipe.columns, dtype) * int(np.ptp(cut.rows_owned(ranks.rank, ranks.size))))
    shift = _shift(source, recipe, cut, ranks)
    shelves, draws, known_by, hints = _read(source, recipe, shift, cut, dtype, ranks, room)
    train = shelves[0]
    counts = ranks.tabled([sum(shelf.widths) for shelf in shelves])
    rows, validation_rows, test_rows = (int(count) for count in counts.sum(axis=0))
    _require_rows(source, recipe, rows, validation_rows, test_rows)
    _require_spread(source, recipe.columns, shift, hints, dtype)
    classes = None
    if shift.targets is None:
        classes = _weighed(recipe, _classes(source, recipe, shelves, int(counts.sum()), ranks), shelves, cut, ranks)
    exponent = _scale_weights(shelves, dtype, ranks)
    n, validation_n, test_n = (_weight(shelf, cut, ranks) for shelf in shelves)
    if n == 0:
        raise UserError(
            f"{source.path}: beside the largest weight, those of all rows to train on are 0 in {np.dtype(dtype)}."
        )
    preparation = _learn(source, recipe, shift, train, classes, cut, ranks)
    _finish(preparation, shelves, draws, dtype, ranks)
    if recipe.bootstrap is not None:
        n = _weight(train, cut, ranks)
        if n == 0:
            raise UserError(f"{source.path}: --bootstrap drew no row for this member: there are too few.")
    blocks, validation, tested = (shelf.whole(Block) for shelf in shelves)
    first = int(counts[: ranks.rank, 0].sum())
    return preparation, Examples(
        cut,
        blocks,
        validation,
        first,
        rows,
        validation_rows,
        n,
        validation_n,
        known_by,
        hints,
        test=tested,
        test_rows=test_rows,
        test_n=test_n,
        in_files=ranks.merged(room.file_used, add),
        exponent=exponent,
    )


def _weighed(recipe: Recipe, classes: Classes, shelves: Sequence[Shelf], cut: Cut, ranks: Ranks) -> Classes:
    """The classes, with the weights that the recipe gives them, by which those of rows are multiplied. Collective."""
    if not recipe.class_weights:
        return classes
    factors = class_weights.factors(recipe.class_weights, classes, shelves[0], cut, ranks)
    with ranks.sharing_errors():
        for shelf in shelves:
            class_weights.multiply(shelf, classes, factors)
    return replace(classes, weights=tuple(factors.tolist()))


def _finish(
    preparation: Preparation, shelves: Sequence[Shelf], draws: Sequence[np.ndarray], dtype: DTypeLike, ranks: Ranks
) -> None:
    """Prepare all rows to the end, and weigh those to train on as often as they were drawn. Collective."""
    with ranks.sharing_errors():
        for shelf in shelves:
            for j, rows in enumerate(shelf.view(Shifted)):
                shelf.update(j, words=None, **preparation.finish(rows)._asdict())
        train = shelves[0]
        for j, drawn in enumerate(draws):
            given = train.view(Weights)[j].weights
            train.update(j, weights=(drawn if given is None else given * drawn).astype(dtype))


def _require_rows(source: Source, recipe: Recipe, rows: int, validation_rows: int, test_rows: int) -> None:
    """UserError where there are no rows to train on, or none of those that were to be held out."""
    if rows == 0:
        flags = [f"--{name} {getattr(recipe, name):g}" for name in ("validation", "test") if getattr(recipe, name)]
        raise UserError(f"{source.path}: no row is left to train on: lower {' or '.join(flags)}.")
    if validation_rows == 0 and recipe.validation > 0:
        raise UserError(f"{source.path}: no row of {source.n} is held out: raise --validation {recipe.validation:g}.")
    if test_rows == 0 and recipe.test > 0:
        raise UserError(f"{source.path}: no row of {source.n} is kept for the test: raise --test {recipe.test:g}.")


def _require_spread(source: Source, columns: Columns, shift: Shift, hints: Hints, dtype: DTypeLike) -> None:
    """UserError for a column that is constant, or has lost digits, once it is shifted and rounded to dtype."""
    if np.dtype(dtype) == np.float64:
        return  # as in the table
    parts = [shift.inputs] if shift.targets is None else [shift.inputs, shift.targets]
    spread = hints.spread(np.concatenate(parts))
    small = np.flatnonzero((spread > 0) & (spread < np.finfo(dtype).tiny))
    if small.size:
        inputs, targets, _ = columns.names(source)
        encoded = [name for i, c in enumerate(inputs) for name in columns.encoding(columns.inputs[i]).names(c)]
        raise UserError(
            f"{source.path}, column {[*encoded, *targets][small[0]]}: its values lie within {spread[small[0]]:.3g}, "
            f"too close for {np.dtype(dtype)}: multiply them by a constant, or use --dtype float64."
        )


def row_bytes(columns: Columns, dtype: DTypeLike) -> int:
    """Bytes of a prepared row, where a column of classes has one output. Local."""
    inputs = widths(columns.encodings) if columns.encodings else len(columns.inputs)
    return (inputs + 1 + len(columns.targets) + (columns.weight is not None)) * np.dtype(dtype).itemsize


def _shift(source: Source, recipe: Recipe, cut: Cut, ranks: Ranks) -> Shift:
    """The first row whose weight is not 0; zeros for what is not standardised. Collective, replicated."""
    first = None
    with ranks.sharing_errors():
        for block in cut.owned(ranks.rank, ranks.size):
            start, stop = cut.bounds(block)
            one_is_enough = recipe.columns.weight is None and not recipe.columns.leave_out
            rows = Rows.read(source, recipe.columns, start, start + 1 if one_is_enough else stop)
            if len(rows):
                first = rows.inputs[0], rows.targets[0]
                break
    first = ranks.merged(first, lambda a, b: b if a is None else a)
    if first is None and recipe.columns.weight is None:
        raise UserError(f"{source.path}: a value is missing in each row: --impute median fills them in.")
    if first is None:
        raise UserError(f"{source.path}: the weights in column {recipe.columns.names(source)[2]} are all 0.")
    x, y = first
    x = x if recipe.standardise else np.zeros_like(x)
    y = y if recipe.standardise_targets else np.zeros_like(y)
    return Shift(x, None if recipe.columns.classes else y)


def _read(
    source: Source, recipe: Recipe, shift: Shift, cut: Cut, dtype: DTypeLike, ranks: Ranks, room: Room
) -> tuple[tuple[Shelf, Shelf, Shelf], list[np.ndarray], str, Hints]:
    """This rank's rows to train on, held out and for the test, a part a block; the fingerprint; hints. Collective.

    The parts are local, the fingerprint, a hash of the rows of all ranks and of the columns' names, replicated. Second
    comes how often the rows to train on were drawn, part by part; of no part without a bootstrap.
    """
    train, held, test = Shelf(room), Shelf(room), Shelf(room)
    mine = 0
    draws: list[np.ndarray] = []
    hints = Hints(len(shift.inputs), 0 if shift.targets is None else len(shift.targets))
    folds = deal(recipe.lot, source, recipe.columns, cut, ranks) if recipe.lot else None
    with ranks.sharing_errors():
        for block in cut.owned(ranks.rank, ranks.size):
            rows = Rows.read(source, recipe.columns, *cut.bounds(block))
            if not len(rows):
                continue
            mine += int(hash_rows(rows))
            hints.look(rows)
            out = held_out(recipe.seed, recipe.validation, rows.numbers)
            kept = for_test(recipe.seed, recipe.test, rows.numbers)
            if folds and recipe.lot:
                kept = folds.of(rows.numbers) == recipe.lot.fold
                out &= ~kept
            seen = ~(out | kept)
            if recipe.bootstrap is not None and seen.any():
                draws.append(bootstrap(recipe.seed, recipe.bootstrap, rows.numbers[seen]).astype(np.int8))
            for shelf, mask in ((train, seen), (held, out), (test, kept)):
                if mask.any():
                    shelf.append(shift(rows if mask.all() else rows.select(mask), dtype, source.path))
    hints.share(ranks)
    return (train, held, test), draws, fingerprint(source, recipe.columns, ranks.merged(mine, add)), hints


def _scale_weights(shelves: Sequence[Shelf], dtype: DTypeLike, ranks: Ranks) -> int:
    """Scale the weights of rows by a power of two, in dtype. Collective. Returns its exponent, replicated."""
    exponent = weights.exponent((part.weights for shelf in shelves for part in shelf.view(Weights)), ranks)
    with ranks.sharing_errors():
        for shelf in shelves:
            for j, part in enumerate(shelf.view(Weights)):
                if (scaled := weights.scaled(part.weights, exponent)) is not None:
                    shelf.update(j, weights=scaled.astype(dtype))
    return exponent


def _weight(shelf: Shelf, cut: Cut, ranks: Ranks) -> float:
    """Σ weights over the rows of all ranks, or their number. Collective, replicated; exact."""
    rows, parts = shelf.widths, shelf.view(Weights)

    def term(j: int, out: np.ndarray) -> None:
        of_rows = parts[j].weights
        out[0] = rows[j] if of_rows is None else total(of_rows.astype(np.float64))

    return float(ExactSum(ranks, [1], len(parts), cut.count)(term)[0])


def _learn(
    source: Source,
    recipe: Recipe,
    shift: Shift,
    train: Shelf,
    classes: Classes | None,
    cut: Cut,
    ranks: Ranks,
) -> Preparation:
    """Means and deviations of D; refuses a constant target. Collective, replicated."""
    columns = recipe.columns
    names = columns.names(source)
    inputs = Scaling.identity(len(shift.inputs))
    if recipe.standardise:
        inputs = measure(shift.inputs, train.view(Inputs), ranks, cut.count)
    if shift.targets is None:
        return Preparation.of(names, columns, inputs, None, classes)
    targets = measure(shift.targets, train.view(Targets), ranks, cut.count)
    if targets.constant.any():
        j = int(targets.constant.argmax())
        _refuse_constant(source, columns, train, j, float(shift.targets[j]), ranks)
    if not recipe.standardise_targets:
        targets = Scaling.identity(len(shift.targets))
    return Preparation.of(names, columns, inputs, targets, None)


def _refuse_constant(source: Source, columns: Columns, train: Shelf, j: int, value: float, ranks: Ranks) -> NoReturn:
    """UserError for target j, which is constant in the rows that count. Collective. value: of one of them."""
    name = columns.names(source)[1][j]
    if ranks.merged(sum(train.widths), add) == 1:
        apart = f" of {source.n:,}, the others being left out or kept apart" if source.n > 1 else ""
        raise UserError(f"{source.path}: there is one row to train on{apart}: nothing can be learnt from a single row.")
    ends = np.full(2, -np.inf)
    for part in train.view(Targets):
        np.maximum(ends, [part.y[j].max(), -part.y[j].min()], out=ends)
    ranks.maximum(ends)
    if columns.weight is not None and ends.sum() > 0:
        raise UserError(
            f"{source.path}: beside the largest weights the others are too small to count, and in the rows that do, "
            f"the target column {name} is constant: there is nothing to learn. Give weights of like size."
        )
    if abs(value) >= WHOLE:
        raise UserError(
            f"{source.path}: the target column {name} holds numbers beyond 2^53, which are all the same in float64: if "
            "they are labels, say --classes; if not, take a constant off them."
        )
    raise UserError(f"{source.path}: the target column {name} is constant: there is nothing to learn.")


def _classes(source: Source, recipe: Recipe, shelves: Sequence[Shelf], rows: int, ranks: Ranks) -> Classes:
    """The classes of all ranks, in one order; rows: of all. Collective, replicated. UserError if they are none."""
    mine = {name for shelf in shelves for part in shelf.view(class_weights.Labels) for name in part.words.tolist()}
    names = sort_names(ranks.merged(mine, or_))
    _, targets, _ = recipe.columns.names(source)
    target = ", ".join(targets)
    if len(names) < 2:
        raise UserError(
            f"{source.path}: the target column {target} holds one class only, {names[0]!r}: there is nothing to learn."
        )
    numbers = sum(map(is_number, names))
    refuse_classes(source.path, target, len(names), rows, numbers, recipe.classes_asked)
    if len(targets) > 1:
        return Classes(tuple(name for name in targets if name in names), recipe.output_theta)
    kind = source.kind(recipe.columns.targets[0]) or ("words" if source.typed else kind_of_labels(names))
    return Classes(names, recipe.output_theta, kind)
