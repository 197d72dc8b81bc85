"""How rows of a table become inputs x^(0) and targets y; stored with the model, so that new rows are treated alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.classes import Classes, class_name
from distnn.data.scaling import Scaling
from distnn.data.tables import Source, column_numbers
from distnn.errors import UserError
from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what, by number."""

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    weight: int | None = None

    def names(self, source: Source) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
        names = source.columns
        weight = None if self.weight is None else names[self.weight]
        return tuple(names[j] for j in self.inputs), tuple(names[j] for j in self.targets), weight


class Rows:
    """A few consecutive rows as they were read. Local.

    inputs: r × d^(0), targets: r × m, float64; labels: the target as words (r,) if that is what it is; weights: (r,)
    or None.
    """

    def __init__(self, source: Source, columns: Columns, start: int, stop: int):
        words = [j for j in columns.targets if source.is_word(j)]
        if words and len(columns.targets) > 1:
            raise UserError(
                f"{source.path}: the target column {source.columns[words[0]]} holds words, and there are "
                f"{len(columns.targets)} target columns. Name that column alone: --targets {source.columns[words[0]]}."
            )
        weight = [] if columns.weight is None else [columns.weight]
        targets = () if words else columns.targets
        table, labels = source.read(start, stop, [*columns.inputs, *targets, *weight], words)
        d, m = len(columns.inputs), len(targets)
        self.start = start
        self.inputs, self.targets = table[:, :d], table[:, d : d + m]
        self.labels = labels[0] if labels else None
        self.weights = table[:, d + m] if weight else None
        if self.weights is not None and (self.weights < 0).any():
            row = int(np.argmax(self.weights < 0))
            raise UserError(
                f"{source.path}, row {start + row}, column {source.columns[weight[0]]}: the weight "
                f"{self.weights[row]:g} is negative. Weights are 0 or more."
            )

    def select(self, mask: np.ndarray) -> Rows:
        """The rows where mask is true, in order."""
        rows = object.__new__(Rows)
        rows.start = self.start
        rows.inputs, rows.targets = self.inputs[mask], self.targets[mask]
        rows.labels = None if self.labels is None else self.labels[mask]
        rows.weights = None if self.weights is None else self.weights[mask]
        return rows

    def words(self) -> np.ndarray:
        """The targets as names of classes, (r,)."""
        if self.labels is not None:
            return self.labels
        values, inverse = np.unique(self.targets[:, 0], return_inverse=True)
        return np.array([class_name(value) for value in values], str)[inverse]


@dataclass(frozen=True)
class Preparation:
    """What training learnt about the table. Replicated.

    inputs, targets, weight: names of columns. input_scaling: d^(0) columns. target_scaling: of a regression's targets;
    classes: of a classifier; one of the two is None.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None
    input_scaling: Scaling
    target_scaling: Scaling | None
    classes: Classes | None

    @property
    def d_out(self) -> int:
        """d^(L)."""
        return self.classes.width if self.classes else len(self.targets)

    def columns(self, source: Source, with_targets: bool) -> Columns:
        """Where this model's columns are in another table. UserError if one is missing.

        By name; by place if the table has no names or other ones but the right number of columns.
        """
        wanted = self.inputs + (self.targets if with_targets else ())
        weight = self.weight if with_targets else None
        named = set(source.columns)
        if set(wanted) <= named:
            inputs = column_numbers(source, self.inputs)
            targets = column_numbers(source, self.targets) if with_targets else ()
            words = [] if self.classes else [source.columns[j] for j in targets if source.is_word(j)]
            if words:
                raise UserError(f"{source.path}: the target column {words[0]} holds words; the model predicts numbers.")
            found = column_numbers(source, [weight])[0] if weight is not None and weight in named else None
            return Columns(inputs, targets, found)
        unnamed = all(name.isdigit() for name in source.columns) or all(name.isdigit() for name in wanted)
        if not with_targets and unnamed and len(source.columns) == len(self.inputs):
            return Columns(tuple(range(len(self.inputs))), ())
        missing = [name for name in wanted if name not in named]
        raise UserError(
            f"{source.path} lacks the column {missing[0]} that the model was trained with"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + f". Its columns are: {', '.join(source.columns[:20])}{', …' if len(source.columns) > 20 else ''}."
        )

    def block(self, rows: Rows, dtype: DTypeLike, where: str = "") -> Block:
        """A block for the network, standardised: exactly as training made it. where: the table's name, for messages."""
        x = input_columns(rows.inputs, self.input_scaling, dtype)
        self.input_scaling.standardise(x[1:])
        if self.classes:
            known = rows.labels is not None or rows.targets.shape[1]
            y = self.classes.encode(self.codes(rows.words(), where), dtype) if known else x[:0]
        else:
            y = np.empty((rows.targets.shape[1], len(rows.targets)), dtype)
            if rows.targets.shape[1]:
                assert self.target_scaling is not None
                self.target_scaling.shifted(rows.targets, y)
                self.target_scaling.standardise(y)
        return Block(x, y, None if rows.weights is None else rows.weights.astype(dtype))

    def codes(self, words: np.ndarray, where: str) -> np.ndarray:
        """The class numbers (r,) of names of classes (r,). UserError for a class that training did not see."""
        assert self.classes is not None
        number = {name: code for code, name in enumerate(self.classes.names)}
        names, inverse = np.unique(words, return_inverse=True)
        unknown = [str(name) for name in names if name not in number]
        if unknown:
            raise UserError(
                f"{where}: the class {unknown[0]!r} in column {self.targets[0]} is not one that the model knows: "
                f"{', '.join(self.classes.names[:20])}{', …' if len(self.classes.names) > 20 else ''}."
            )
        return np.array([number[str(name)] for name in names], np.int64)[inverse]

    def tensors(self) -> dict[str, np.ndarray]:
        """The arrays to store."""
        scalings = {"input": self.input_scaling, "target": self.target_scaling}
        return {
            f"{name}_{field}": getattr(scaling, field)
            for name, scaling in scalings.items()
            if scaling is not None
            for field in ("shift", "mean", "deviation")
        }

    def metadata(self) -> dict[str, Any]:
        """The rest to store, for JSON."""
        classes = {"names": self.classes.names, "output_theta": self.classes.output_theta} if self.classes else None
        return {"inputs": self.inputs, "targets": self.targets, "weight": self.weight, "classes": classes}

    @staticmethod
    def restore(tensors: dict[str, np.ndarray], metadata: dict[str, Any]) -> Preparation:
        """What `tensors` and `metadata` stored."""

        def scaling(name: str) -> Scaling | None:
            fields = [f"{name}_{field}" for field in ("shift", "mean", "deviation")]
            return Scaling(*(tensors[field] for field in fields)) if fields[0] in tensors else None

        classes, inputs = metadata["classes"], scaling("input")
        assert inputs is not None
        return Preparation(
            tuple(metadata["inputs"]),
            tuple(metadata["targets"]),
            metadata["weight"],
            inputs,
            scaling("target"),
            Classes(tuple(classes["names"]), classes["output_theta"]) if classes else None,
        )


def input_columns(inputs: np.ndarray, scaling: Scaling, dtype: DTypeLike) -> np.ndarray:
    """x^(0) of rows, not yet standardised: (d^(0)+1) × r, row 0 of ones."""
    x = empty(inputs.shape[1] + 1, len(inputs), dtype)
    x[0] = 1
    scaling.shifted(inputs, x[1:])
    return x
