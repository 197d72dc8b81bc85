"""How rows of a table become inputs x^(0) and targets y; stored with the model, so that new rows are treated alike.

Every row goes the same way, in two steps: `Shift` takes a value off each column, `Preparation.finish` does the rest.
Training does the first while it reads, and the second when means, deviations and classes are known over all of D;
applying a model does one straight after the other. The second works in place: memory is the rows as columns, and what
is being read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from distnn.data.classes import Classes
from distnn.data.columns import Columns
from distnn.data.encoding import PLAIN, TRANSFORMS, Encoding, widths
from distnn.data.rows import Rows
from distnn.data.scaling import Scaling, shift_columns
from distnn.data.tables import Source, column_numbers
from distnn.data.tables.source import Missing
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
            words = rows.labels
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
    classes: of a classifier; one of the two is None. encodings, transforms, missing, leave_out: as in `Columns`.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    weight: str | None
    input_scaling: Scaling
    target_scaling: Scaling | None
    classes: Classes | None
    encodings: tuple[Encoding, ...] = ()
    transforms: tuple[str | None, ...] = ()
    missing: Missing = field(default_factory=Missing)
    leave_out: tuple[str, ...] = ()

    @staticmethod
    def of(
        names: tuple[tuple[str, ...], tuple[str, ...], str | None],
        columns: Columns,
        inputs: Scaling,
        targets: Scaling | None,
        classes: Classes | None,
    ) -> Preparation:
        """What was learnt about these columns of these names."""
        read = {name: getattr(columns, name) for name in ("encodings", "transforms", "missing", "leave_out")}
        return Preparation(*names, inputs, targets, classes, **read)

    @property
    def d_in(self) -> int:
        """d^(0)."""
        return widths(self.encodings) if self.encodings else len(self.inputs)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs of the network, (d^(0),), which are several where a column holds words."""
        encodings = self.encodings or (PLAIN,) * len(self.inputs)
        return tuple(name for c, e in zip(self.inputs, encodings, strict=True) for name in e.names(c))

    @property
    def d_out(self) -> int:
        """d^(L)."""
        return self.classes.width if self.classes else len(self.targets)

    def columns(self, source: Source, with_targets: bool, unknown: str = "error") -> Columns:
        """Where this model's columns are in another table, and how they are read. UserError if one is missing.

        By name; by place if the table has no names or other ones but the right number of columns.
        unknown: what becomes of words without a category: an "error", or "zeros".
        """
        wanted = self.inputs + (self.targets if with_targets else ())
        named = set(source.columns)
        unnamed = all(name.isdigit() for name in source.columns) or all(name.isdigit() for name in wanted)
        targets: tuple[int, ...] = ()
        weight = None
        if set(wanted) <= named:
            inputs = column_numbers(source, self.inputs)
            if with_targets:
                targets = column_numbers(source, self.targets)
                weight = column_numbers(source, [self.weight])[0] if self.weight in named else None
        elif not with_targets and unnamed and len(source.columns) == len(self.inputs):
            inputs = tuple(range(len(self.inputs)))
        else:
            lacking = [name for name in wanted if name not in named]
            raise UserError(
                f"{source.path} lacks the column {lacking[0]} that the model was trained with"
                + (f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else "")
                + f". Its columns are: {', '.join(source.columns[:20])}{', …' if len(source.columns) > 20 else ''}."
            )
        return Columns(
            inputs=inputs,
            targets=targets,
            weight=weight,
            encodings=self.encodings,
            classes=self.classes is not None and with_targets,
            transforms=self.transforms if with_targets else (),
            missing=self.missing,
            leave_out=self.leave_out if with_targets else (),
            unknown=unknown,
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
        codes, unknown = self.classes.codes(words)
        if unknown is not None:
            raise UserError(
                f"{where}: the class {unknown!r} in column {self.targets[0]} is not one that the model knows: "
                f"{', '.join(self.classes.names[:20])}{', …' if len(self.classes.names) > 20 else ''}."
            )
        return codes

    def in_units(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs d^(L) × n, or targets as the network has them, in the units of the table, float64. Local."""
        if self.target_scaling is None:
            return outputs.astype(np.float64)
        return self.untransformed(self.target_scaling.undo(outputs))

    def untransformed(self, targets: np.ndarray) -> np.ndarray:
        """Targets m × n, float64, before they were transformed. Local."""
        if not any(self.transforms):
            return targets
        with np.errstate(over="ignore"):
            rows = zip(self.transforms, targets, strict=True)
            return np.stack([row if name is None else TRANSFORMS[name].inverse(row) for name, row in rows])

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
        classes = self.classes
        known: dict[str, Any] | None = None
        if classes is not None:
            known = {"names": classes.names, "output_theta": classes.output_theta, "kind": classes.kind}
            known |= {"weights": classes.weights} if classes.weights else {}
        return {
            "inputs": self.inputs,
            "targets": self.targets,
            "weight": self.weight,
            "classes": known,
            "encodings": [encoding.metadata() for encoding in self.encodings],
            "transforms": self.transforms,
            "missing": {"words": sorted(self.missing.words), "numbers": self.missing.numbers},
            "leave_out": self.leave_out,
        }

    @staticmethod
    def restore(tensors: dict[str, np.ndarray], metadata: dict[str, Any]) -> Preparation:
        """What `tensors` and `metadata` stored."""

        def scaling(name: str) -> Scaling | None:
            fields = [f"{name}_{field}" for field in ("shift", "mean", "deviation")]
            return Scaling(*(tensors[field] for field in fields)) if fields[0] in tensors else None

        classes, inputs = metadata["classes"], scaling("input")
        assert inputs is not None
        known = None
        if classes is not None:
            known = Classes(tuple(classes["names"]), classes["output_theta"], classes.get("kind", "words"))
            known = replace(known, weights=tuple(map(float, classes.get("weights", ()))))
        missing = metadata.get("missing", {"words": Missing().words, "numbers": ()})  # older models know none
        return Preparation(
            tuple(metadata["inputs"]),
            tuple(metadata["targets"]),
            metadata["weight"],
            inputs,
            scaling("target"),
            known,
            tuple(map(Encoding.restore, metadata.get("encodings", ()))),
            tuple(metadata.get("transforms", ())),
            Missing(frozenset(missing["words"]), tuple(map(float, missing["numbers"]))),
            tuple(metadata.get("leave_out", ())),
        )
