"""Rows of a table as they were read: which columns are what, and the values of a few consecutive rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distnn.data.classes import class_name
from distnn.data.tables import Source
from distnn.errors import UserError


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what, by number. Replicated."""

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    weight: int | None = None

    def names(self, source: Source) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
        """The names of inputs, targets and weight in the table."""
        names = source.columns
        weight = None if self.weight is None else names[self.weight]
        return tuple(names[j] for j in self.inputs), tuple(names[j] for j in self.targets), weight


@dataclass(frozen=True)
class Rows:
    """r rows in the order of the table. Local.

    numbers: of these rows in the table, from 0, int64 (r,). inputs: r × d^(0), float64. targets: r × m, float64; m is 0
    where they are words, or were not asked for. labels: those words (r,), or None. weights: float64 (r,), or None.
    """

    numbers: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    labels: np.ndarray | None = None
    weights: np.ndarray | None = None

    @classmethod
    def read(cls, source: Source, columns: Columns, start: int, stop: int) -> Rows:
        """Rows [start, stop) of a table, but for those of weight 0, which may hold anything. Local.

        UserError for what `Source.read` refuses, a negative weight, or words in one of several target columns.
        """
        words = [j for j in columns.targets if source.is_word(j)]
        if words and len(columns.targets) > 1:
            raise UserError(
                f"{source.path}: the target column {source.columns[words[0]]} holds words, and there are "
                f"{len(columns.targets)} target columns. Name that column alone: --targets {source.columns[words[0]]}."
            )
        targets = () if words else columns.targets
        numbers = [*columns.inputs, *targets]
        if columns.weight is None:
            table, labels = source.read(start, stop, numbers, words)
            weights, keep = None, None
        else:
            table, labels, weights = _weighted(source, start, stop, numbers, words, columns.weight)
            keep = weights > 0
        d = len(columns.inputs)
        rows = cls(np.arange(start, stop), table[:, :d], table[:, d:], labels[0] if labels else None, weights)
        return rows if keep is None or keep.all() else rows.select(keep)

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

    def words(self) -> np.ndarray:
        """The targets as names of classes, (r,)."""
        if self.labels is not None:
            return self.labels
        values, inverse = np.unique(self.targets[:, 0], return_inverse=True)
        return np.array([class_name(value) for value in values], str)[inverse]


def _weighted(
    source: Source, start: int, stop: int, numbers: Sequence[int], words: Sequence[int], weight: int
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Numbers, words and weights of rows, of which only those with a weight above 0 need to be right. Local."""
    wrong: UserError | None = None
    try:
        table, labels = source.read(start, stop, [*numbers, weight], words)
        weights = table[:, -1]
    except UserError as error:
        wrong, weights = error, source.read(start, stop, [weight])[0][:, 0]
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise UserError(
            f"{source.path}, row {start + row}, column {source.columns[weight]}: the weight "
            f"{weights[row]:g} is negative. Weights are 0 or more."
        )
    if wrong is None:
        return table[:, :-1], labels, weights
    keep = weights > 0
    if keep.all():
        raise wrong
    if not keep.any():
        return np.zeros((stop - start, len(numbers))), [np.full(stop - start, "-") for _ in words], weights
    return *source.read(start, stop, numbers, words, keep), weights
