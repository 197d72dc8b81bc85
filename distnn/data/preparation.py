"""How rows of a table become inputs x^(0) and targets y; stored with the model, so that new rows are treated alike.

Every row goes the same way, in two steps: `Shift` takes a value off each column, `Preparation.finish` does the rest.
Training does the first while it reads, and the second when means, deviations and classes are known over all of D;
applying a model does one straight after the other. The second works in place: memory is the rows as columns, and what
is being read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.classes import Classes
from distnn.data.rows import Columns, Rows
from distnn.data.scaling import Scaling, shift_columns
from distnn.data.tables import Source, column_numbers
from distnn.data.weights import scaled
from distnn.errors import UserError
from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty


class Shifted(NamedTuple):
    """Rows after the first step: columns of the network's dtype, not yet standardised. Local.

    x: (d^(0)+1) × r, row 0 of ones; y: m × r, with m = 0 where there are no targets, or classes; words: the names of
    classes (r,) or None; weights: (r,), as read, or None.
    """

    x: np.ndarray
    y: np.ndarray
    words: np.ndarray | None
    weights: np.ndarray | None

    def weighted(self, exponent: int) -> Shifted:
        """These rows with their weights times 2^exponent, of the network's dtype."""
        found = scaled(self.weights, exponent)
        return self if found is None else self._replace(weights=found.astype(self.x.dtype))


@dataclass(frozen=True)
class Shift:
    """The first step, which one row is enough for: a value of each column, float64, is taken off. Replicated.

    inputs: (d^(0),); targets: (m,), or None where they are classes.
    """

    inputs: np.ndarray
    targets: np.ndarray | None

    def __call__(self, rows: Rows, dtype: DTypeLike, where: str = "") -> Shifted:
        """The rows, shifted in float64 and then rounded to dtype. Local.

        where: the table's name, for messages. UserError for values beyond the range of dtype.
        """
        x = empty(len(self.inputs) + 1, len(rows), dtype)
        x[0] = 1
        shift_columns(rows.inputs, self.inputs, x[1:])
        y, words = x[:0], None
        if self.targets is None:
            words = rows.words() if rows.has_targets else None
        elif rows.has_targets:
            y = np.empty((len(self.targets), len(rows)), dtype)
            shift_columns(rows.targets, self.targets, y)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise UserError(
                f"{where}: a value is beyond the range of {np.dtype(dtype)}; use --dtype float64 in the training."
            )
        return Shifted(x, y, words, None if rows.weights is None else rows.weights.copy())


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

    @property
    def shift(self) -> Shift:
        """The first step. Local."""
        return Shift(self.input_scaling.shift, self.target_scaling.shift if self.target_scaling else None)

    def finish(self, rows: Shifted, where: str = "") -> Block:
        """The second step, for which all of D must be known: standardise in place, and encode classes. Local.

        where: the table's name, for messages. UserError for a class that training did not see.
        """
        self.input_scaling.standardise(rows.x[1:])
        y = rows.y
        if self.classes and rows.words is not None:
            y = self.classes.encode(self._codes(rows.words, where), rows.x.dtype)
        elif self.target_scaling and len(y):
            self.target_scaling.standardise(y)
        weights = None if rows.weights is None else rows.weights.astype(rows.x.dtype, copy=False)
        return Block(rows.x, y, weights)

    def block(self, rows: Rows, dtype: DTypeLike, where: str = "") -> Block:
        """A block for the network from new rows: both steps, one straight after the other. Local."""
        return self.finish(self.shift(rows, dtype, where), where)

    def _codes(self, words: np.ndarray, where: str) -> np.ndarray:
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
        """The arrays to store, each float64, (d^(0),) or (m,)."""
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
