"""Rows of a table as numbers: the inputs of the network, the targets, the names of classes, the weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distnn.data.columns import Columns
from distnn.data.encoding import TRANSFORMS, absent, encode, truth
from distnn.data.fields import Fields, read_fields
from distnn.data.tables import Source
from distnn.data.tables.source import listed, quoted
from distnn.errors import UserError


@dataclass(frozen=True)
class Rows:
    """r rows in the order of the table. Local.

    numbers: of these rows in the table, from 0, int64 (r,). inputs: r × d^(0), float64. targets: r × m, float64; m is 0
    where they are classes, or were not asked for. labels: the names of these classes (r,), or None. weights: float64
    (r,), or None.
    """

    numbers: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    labels: np.ndarray | None = None
    weights: np.ndarray | None = None

    @classmethod
    def read(cls, source: Source, columns: Columns, start: int, stop: int) -> Rows:
        """Rows [start, stop) of a table, but for those of weight 0, which may hold anything, and those to leave out.

        Local. UserError for what `read_fields` refuses, a word that is no category, a number without the transform that
        is asked for, and a row that belongs to no class or to several.
        """
        return cls.of_fields(read_fields(source, columns, start, stop), columns, source)

    @classmethod
    def of_fields(cls, fields: Fields, columns: Columns, source: Source) -> Rows:
        """The rows that these fields are; source: for messages. Local. UserError as for `read`."""
        first = len(fields.numbers) - (0 if columns.labels is not None else len(columns.targets))
        inputs, targets = fields.table[:, :first], fields.table[:, first:]
        if not columns.all_plain:
            inputs = _encoded(fields, columns, source)
        labels = None
        if columns.labels is not None:
            labels = fields.texts[columns.labels]
        elif columns.classes:
            labels, targets = _only_one(fields, columns, source), targets[:, :0]
        if any(columns.transforms):
            targets = _transformed(fields, columns, source, targets)
        return cls(fields.rows, inputs, targets, labels, fields.weights)

    @classmethod
    def of_inputs(cls, inputs: np.ndarray) -> Rows:
        """Rows without targets, of inputs r × d^(0), float64."""
        return cls(np.arange(len(inputs)), inputs, inputs[:, :0])

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, mask: np.ndarray) -> Rows:
        """The rows where mask, bool (r,), is true, in order."""
        labels = None if self.labels is None else self.labels[mask]
        weights = None if self.weights is None else self.weights[mask]
        return Rows(self.numbers[mask], self.inputs[mask], self.targets[mask], labels, weights)

    @property
    def has_targets(self) -> bool:
        return self.labels is not None or self.targets.shape[1] > 0


def _encoded(fields: Fields, columns: Columns, source: Source) -> np.ndarray:
    """The inputs, r × d^(0). UserError for words and numbers that cannot be encoded."""
    found = []
    for j, encoding in zip(columns.inputs, columns.encodings, strict=True):
        values = fields.column(j)
        if encoding.kind == "words" and columns.unknown == "error":
            wrong = ~np.isin(values, encoding.categories) & (values != "")
            known = f"not one of the words that the model knows: {listed(encoding.categories)}"
            hint = "Words that it does not know become zeros with predict --unknown zeros."
            _refuse(fields, source, j, wrong, f"{known}. {hint}")
        elif encoding.kind == "booleans" and values.dtype.kind == "U":
            values, wrong = truth(values)
            _refuse(fields, source, j, wrong, "neither true nor false.")
        elif encoding.transform is not None:
            _refuse_transform(fields, source, j, encoding.transform)
        found.append(values)
    return encode(columns.encodings, found)


def _transformed(fields: Fields, columns: Columns, source: Source, targets: np.ndarray) -> np.ndarray:
    """The targets, r × m, transformed. UserError for numbers that have no such transform."""
    targets = targets.copy()
    for i, (j, name) in enumerate(zip(columns.targets, columns.transforms, strict=True)):
        if name is not None:
            _refuse_transform(fields, source, j, name)
            targets[:, i] = TRANSFORMS[name].forward(targets[:, i])
    return targets


def _refuse_transform(fields: Fields, source: Source, column: int, name: str) -> None:
    above = TRANSFORMS[name].above
    wrong = ~absent(fields.column(column)) & ~(fields.column(column) > above)
    _refuse(fields, source, column, wrong, f"not above {above:g}: it has no {name}; leave --transform {name} out.")


def _only_one(fields: Fields, columns: Columns, source: Source) -> np.ndarray:
    """The names of the target columns that are 1, (r,); UserError unless one is, and the others 0, in each row."""
    ones = fields.table[:, -len(columns.targets) :]
    wrong = ((ones != 0) & (ones != 1)).any(axis=1) | (ones.sum(axis=1) != 1)
    if wrong.any():
        row = int(fields.rows[np.argmax(wrong)])
        raise UserError(
            f"{source.path}, row {row}: with --classes, one of the targets {listed(columns.names(source)[1])} is 1 and "
            "the others are 0. If several may be 1, give --error cross-entropy without --classes."
        )
    return np.array(columns.names(source)[1])[ones.argmax(axis=1)]


def _refuse(fields: Fields, source: Source, column: int, wrong: np.ndarray, why: str) -> None:
    """UserError for the first row that is wrong, (r,), if there is one."""
    if wrong.any():
        first = int(np.argmax(wrong))
        value = fields.column(column)[first]
        shown = quoted(str(value)) if isinstance(value, str) else f"{value:g}"
        raise UserError(f"{source.path}, row {fields.rows[first]}, column {source.columns[column]}: {shown} is {why}")
