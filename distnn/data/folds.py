"""The rows of a table dealt to the folds of a cross-validation: to K parts, each of which is the test of one training.

Rows are dealt like shuffled cards, one class after the other, so that each fold has its share of each class to within
one row, and of all rows; or, where rows belong together, group by group, the largest first, each to the fold with the
fewest rows. Which fold a row is in depends on the seed and the table alone, and not on the number of ranks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import add, or_

import numpy as np

from distnn.data.columns import Columns
from distnn.data.rows import Rows
from distnn.data.sampling import permuted
from distnn.data.tables import Source, column_numbers
from distnn.data.tables.source import quoted
from distnn.errors import UserError
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import Ranks
from distnn.streams import stream

NONE = -1  # the fold of a row that does not count: of weight 0, or without a target


@dataclass(frozen=True)
class Lot:
    """One fold of several. folds: how many; fold: this one, from 0; by: the column whose values keep rows together."""

    folds: int
    fold: int
    seed: int
    by: str | None = None


class Folds:
    """The folds of this rank's rows. Local. first: the number of its first row in the table; numbers: int32 (r,)."""

    def __init__(self, first: int, numbers: np.ndarray):
        self.first, self.numbers = first, numbers

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The folds of rows of this rank, given by their numbers in the table; NONE where one does not count."""
        return self.numbers[rows - self.first]

    def of_all(self, ranks: Ranks) -> Folds:
        """The folds of all ranks' rows, on each of them. Collective, replicated."""
        least = np.min_scalar_type(-1 - ranks.merged(int(self.numbers.max(initial=0)), max))
        return Folds(0, np.concatenate(ranks.gather(self.numbers.astype(least))))


def deal(lot: Lot, source: Source, columns: Columns, cut: Cut, ranks: Ranks) -> Folds:
    """The folds of the rows that each rank has by the cut, which must be prepared for reading. Collective.

    UserError, on all ranks, where there are more folds than rows, than rows of a class or than groups, and where a fold
    has all rows of a class.
    """
    start, stop = cut.rows_owned(ranks.rank, ranks.size)
    folds = Folds(start, np.full(stop - start, NONE, np.int32))
    labels: list[np.ndarray] = []
    groups: list[np.ndarray] = []
    numbers: list[np.ndarray] = []
    with ranks.sharing_errors():
        for rows, group in _read(lot, source, columns, cut, ranks):
            numbers.append(rows.numbers - start)
            labels.append(np.full(len(rows), "") if rows.labels is None else rows.labels)
            groups.append(group)
    mine, label, group = (np.concatenate(parts) if parts else np.empty(0, int) for parts in (numbers, labels, groups))
    dealt = _by_class(lot, source, label, ranks) if lot.by is None else _by_group(lot, source, label, group, ranks)
    folds.numbers[mine] = dealt
    return folds


def _read(lot: Lot, source: Source, columns: Columns, cut: Cut, ranks: Ranks) -> Iterator[tuple[Rows, np.ndarray]]:
    """The rows that count of each block, with their targets alone, and the groups that they belong to. Local."""
    bare = replace(columns, inputs=(), encodings=(), transforms=())
    by = None if lot.by is None else column_numbers(source, [lot.by])[0]
    for block in cut.owned(ranks.rank, ranks.size):
        start, stop = cut.bounds(block)
        rows = Rows.read(source, bare, start, stop)
        groups = np.empty(len(rows), "U1")
        if by is not None:
            _, (words,) = source.read(start, stop, [], [by], missing=columns.missing)
            groups = words[rows.numbers - start]
            if (gaps := groups == "").any():
                place = source.place(int(rows.numbers[np.argmax(gaps)]))
                raise UserError(
                    f"{source.path}, {place}: column {source.columns[by]} (--folds-by) has no value: fill it in."
                )
        yield rows, groups


def _by_class(lot: Lot, source: Source, labels: np.ndarray, ranks: Ranks) -> np.ndarray:
    """The folds of this rank's rows that count, int32 (r,), each class dealt on where the one before ended."""
    names, codes = np.unique(labels, return_inverse=True)
    counts = dict(zip(names.tolist(), np.bincount(codes, minlength=len(names)).tolist(), strict=True))
    everyones = ranks.gather(counts)
    totals: Counter[str] = sum(map(Counter, everyones), Counter())
    before: Counter[str] = sum(map(Counter, everyones[: ranks.rank]), Counter())
    _require_rows(lot, source, totals)
    folds = np.empty(len(labels), np.int32)
    first = 0
    for number, (name, total) in enumerate(sorted(totals.items())):
        own = np.flatnonzero(codes == names.tolist().index(name)) if name in counts else codes[:0]
        place = before[name] + np.arange(len(own))
        folds[own] = dealt(place, total, lot.folds, lot.seed, number, first)
        first += total
    return folds


def dealt(place: np.ndarray, total: int, folds: int, seed: int, number: int = 0, first: int = 0) -> np.ndarray:
    """The folds, of so many, of cards by their places among `total`, int64 (r,), which are shuffled and dealt. Local.

    number: of the pack, each of which is shuffled in its own way; first: the fold that its first card comes to.
    """
    return (first + permuted(place, total, stream(seed, "folds", number))) % folds


def _require_rows(lot: Lot, source: Source, totals: Counter[str]) -> None:
    """UserError where some fold would have no rows, or none of a class."""
    rows = totals.total()
    if rows < lot.folds:
        raise UserError(f"{source.path}: {rows} rows are too few for --folds {lot.folds}: give --folds {max(rows, 2)}.")
    if len(totals) > 1 and (few := min(totals, key=lambda name: (totals[name], name))) is not None:
        least = totals[few]
        if least < lot.folds:
            instead = f"give --folds {least}" if least > 1 else "leave that class out"
            raise UserError(
                f"{source.path}: {least} {'row is' if least == 1 else 'rows are'} of class {quoted(few)}, so not every "
                f"one of --folds {lot.folds} would have one: {instead}."
            )


def _by_group(lot: Lot, source: Source, labels: np.ndarray, groups: np.ndarray, ranks: Ranks) -> np.ndarray:
    """The folds of this rank's rows that count, int32 (r,), groups whole."""
    names, codes = np.unique(groups, return_inverse=True)
    sizes = ranks.merged(Counter(dict(zip(names.tolist(), np.bincount(codes).tolist(), strict=True))), add)
    if len(sizes) < lot.folds:
        raise UserError(
            f"{source.path}: column {lot.by} (--folds-by) has {len(sizes)} different values, too few for --folds "
            f"{lot.folds}: give fewer folds."
        )
    order = stream(lot.seed, "folds").permutation(len(sizes))  # of groups of one size
    shuffled = [name for _, name in sorted(zip(order.tolist(), sorted(sizes), strict=True))]
    filled, fold_of = [0] * lot.folds, {}
    for name in sorted(shuffled, key=lambda name: -sizes[name]):
        fold_of[name] = filled.index(min(filled))
        filled[fold_of[name]] += sizes[name]
    folds = np.array([fold_of[name] for name in names.tolist()], np.int32)[codes]
    _require_classes(source, labels, folds, ranks)
    return folds


def _require_classes(source: Source, labels: np.ndarray, folds: np.ndarray, ranks: Ranks) -> None:
    """UserError where all rows of a class are in one fold, whose training would see none of them."""
    found = ranks.merged(set(zip(labels.tolist(), folds.tolist(), strict=True)), or_)
    places = Counter(label for label, _ in found)
    for label, fold in sorted(found):
        if places[label] == 1:
            raise UserError(
                f"{source.path}: all rows of class {quoted(label)} are in fold {fold}, which would be trained without "
                "them (--folds-by). Give another column, or leave that class out."
            )
