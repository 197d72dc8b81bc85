"""Fields of a few rows, column by column, without the rows that do not count: of weight 0, or left out for a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from distnn.data.columns import Columns
from distnn.data.encoding import absent
from distnn.data.tables import Source
from distnn.data.tables.source import quoted
from distnn.errors import UserError

ADVICE = "to have such values filled in or left out, train with --impute median, mean, constant or drop."


@dataclass(frozen=True)
class Fields:
    """r rows. Local.

    rows: their numbers in the table, from 0, int64 (r,). table: the columns `numbers`, float64, r × len(numbers).
    texts: columns of words, each (r,). weights: float64 (r,), or None.
    """

    rows: np.ndarray
    numbers: tuple[int, ...]
    table: np.ndarray
    texts: dict[int, np.ndarray]
    weights: np.ndarray | None

    def column(self, number: int) -> np.ndarray:
        """A column (r,), of float64 or of words."""
        return self.texts[number] if number in self.texts else self.table[:, self.numbers.index(number)]

    def select(self, mask: np.ndarray) -> Fields:
        """The rows where mask, bool (r,), is true, in order."""
        return replace(
            self,
            rows=self.rows[mask],
            table=self.table[mask],
            texts={number: text[mask] for number, text in self.texts.items()},
            weights=None if self.weights is None else self.weights[mask],
        )


def read_fields(source: Source, columns: Columns, start: int, stop: int) -> Fields:
    """What counts of rows [start, stop). Local.

    UserError for what `Source.read` refuses, a negative weight, and a missing value that is not filled in, if the row
    is not to be left out.
    """
    words = columns.spelled(source)
    wanted = tuple(j for j in (*columns.inputs, *columns.targets) if j not in words)
    if columns.weight is None:
        table, texts = source.read(start, stop, wanted, words, missing=columns.missing)
        weights = None
    else:
        table, texts, weights = _weighted(source, columns, start, stop, wanted, words)
    fields = Fields(np.arange(start, stop), wanted, table, dict(zip(words, texts, strict=True)), weights)
    if weights is not None and not (weights > 0).all():
        fields = fields.select(weights > 0)
    if np.isnan(fields.table).any() or any((text == "").any() for text in fields.texts.values()):
        fields = _without_gaps(source, columns, fields)
    return fields


def _without_gaps(source: Source, columns: Columns, fields: Fields) -> Fields:
    """The rows without those to leave out; UserError if a value is missing that must be there."""
    keep = np.ones(len(fields.rows), bool)
    for j in (*columns.inputs, *columns.targets):
        if j in columns.inputs and columns.encoding(j).fill is not None:
            continue
        gaps = absent(fields.column(j))
        if ("inputs" if j in columns.inputs else "targets") in columns.leave_out:
            keep &= ~gaps
        elif gaps.any():
            _refuse_gap(source, int(fields.rows[np.argmax(gaps)]), j, j in columns.inputs, j in fields.texts)
    return fields if keep.all() else fields.select(keep)


def _refuse_gap(source: Source, row: int, column: int, of_inputs: bool, of_words: bool) -> None:
    """UserError for a missing value; the source itself knows best how to say where."""
    advice = ADVICE if of_inputs else "to have such rows left out, train with --impute drop."
    what = "the value is missing"
    try:
        _, texts = source.read(row, row + 1, [] if of_words else [column], [column] if of_words else [])
        if of_words:
            what = f"{quoted(str(texts[0][0]))} says that the value is missing, unless --missing names something else"
    except UserError as error:
        raise UserError(f"{str(error).removesuffix('.')}; {advice}") from None
    name = source.columns[column]
    raise UserError(f"{source.path}, {source.place(row)}, column {name}: {what}; {advice}")


def _weighted(
    source: Source, columns: Columns, start: int, stop: int, numbers: Sequence[int], words: Sequence[int]
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Numbers, words and weights of rows, of which only those with a weight above 0 need to be right. Local."""
    weight, missing = columns.weight, columns.missing
    assert weight is not None
    wrong: UserError | None = None
    try:
        table, labels = source.read(start, stop, [*numbers, weight], words, missing=missing)
        weights = table[:, -1]
    except UserError as error:
        wrong, weights = error, source.read(start, stop, [weight], missing=missing)[0][:, 0]
    if np.isnan(weights).any():
        source.read(start, stop, [weight])  # says where
    for bad, says in ((weights < 0, "negative"), (np.isnan(weights), "missing")):
        if bad.any():
            row = int(np.argmax(bad))
            raise UserError(
                f"{source.path}, row {start + row}, column {source.columns[weight]}: the weight "
                f"{weights[row]:g} is {says}. Weights are 0 or more."
            )
    if wrong is None:
        return table[:, :-1], labels, weights
    keep = weights > 0
    if keep.all():
        raise wrong
    if not keep.any():
        return np.zeros((stop - start, len(numbers))), [np.full(stop - start, "-") for _ in words], weights
    return *source.read(start, stop, numbers, words, keep, missing), weights
