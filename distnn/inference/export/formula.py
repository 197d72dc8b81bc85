"""What a model computes, from columns of the table to predictions in its units, as numbers and names alone.

Exporters write this down in other languages, and know nothing of distnn's classes. What it cannot express, it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from distnn.data.encoding import PLAIN
from distnn.data.preparation import Preparation
from distnn.data.scaling import Scaling
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.storage.files import checksum

THETAS = ("tanh", "logistic", "relu", "identity", "sign", "softmax")  # that every exporter knows


@dataclass(frozen=True)
class Column:
    """What is made of a column of the table: an input of the network, or several.

    numbers, and booleans as 0 and 1: the value, or `fill` where it is missing; then `transform`, if any. words: as many
    inputs as categories, 1 for the word's own and 0 for the others; all are 0 for a missing word, "". Then, with
    `indicator`, an input more: 1 where the value is missing, else 0. fill: None if none may be missing.
    """

    name: str
    kind: str = "numbers"
    categories: tuple[str, ...] = ()
    fill: float | None = None
    indicator: bool = False
    transform: str | None = None

    @property
    def width(self) -> int:
        """How many inputs it becomes."""
        return (len(self.categories) if self.kind == "words" else 1) + self.indicator

    @property
    def plain(self) -> bool:
        """Is it one input, as it stands?"""
        return self.kind != "words" and self.fill is None and not self.indicator and self.transform is None


@dataclass(frozen=True)
class Standardise:
    """(x - shift - mean) / divisor for each input or output, in this order; each float64, (d^(0),) or (d^(L),).

    The inverse, of targets, is y * divisor + mean + shift; a constant column has the divisor 0 there, and 1 for inputs.
    """

    shift: np.ndarray
    mean: np.ndarray
    divisor: np.ndarray


@dataclass(frozen=True)
class Layer:
    """θ(Wᵀ x + b). W: below × above, b: (above,), float64; theta: one of THETAS, softmax in the last one only."""

    W: np.ndarray
    b: np.ndarray
    theta: str


@dataclass(frozen=True)
class Formula:
    """A model, for exporters. Replicated.

    columns: of the table; inputs: their names. outputs: names of what is predicted; units: of some of them, by name.
    undo: how outputs get the units of the table, and `transforms`: what is undone after that, a name or None for each;
    None and () for classes, whose names are in the order of the outputs. With two classes and one output, the second
    class is predicted where that is above `threshold`.
    dtype: of the model's arithmetic; its numbers are those that it computes with, rounded to float32 where it does.
    fingerprint: the checksum of the model's file.
    """

    columns: tuple[Column, ...]
    outputs: tuple[str, ...]
    transforms: tuple[str | None, ...]
    classes: tuple[str, ...]
    threshold: float | None
    standardise: Standardise
    layers: tuple[Layer, ...]
    undo: Standardise | None
    dtype: str
    fingerprint: str
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[tuple[int, Column]]:
        """The columns of words, each with its place."""
        return [(j, column) for j, column in enumerate(self.columns) if column.kind == "words"]

    @property
    def differentiable(self) -> bool:
        """Are there derivatives?"""
        return all(layer.theta != "sign" for layer in self.layers)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def plain(self) -> bool:
        """Is every column an input as it stands?"""
        return all(column.plain for column in self.columns)

    @property
    def d(self) -> tuple[int, ...]:
        """The architecture."""
        return (len(self.standardise.shift), *(len(layer.b) for layer in self.layers))

    def described(self, name: str) -> str:
        """A name with its unit, if there is one that does not stand there already."""
        unit = f" [{self.units[name]}]" if name in self.units else ""
        return name + unit if not name.endswith(unit.strip()) else name


def formula(model: Model, units: Mapping[str, str]) -> Formula:
    """The formula of a model. Local. units: of inputs and targets, by name.

    UserError for a name that is none, and for an activation that exporters do not know.
    """
    preparation, network = model.preparation, model.network
    for name in units:
        if name not in (*preparation.inputs, *preparation.targets):
            raise UserError(f"--units {name}={units[name]}: the model has no input or target of that name.")
    classes = preparation.classes
    if classes is None:
        outputs = preparation.targets
    elif classes.width == 1:
        outputs = (f"output {classes.names[1]}",)
    else:
        outputs = tuple(f"output {name}" for name in classes.names)
    inputs, targets = preparation.input_scaling, preparation.target_scaling
    thetas = [network.theta] * (network.L - 1) + [network.output_theta]
    if unknown := [theta for theta in thetas if theta not in THETAS]:
        raise UserError(f"Networks of {unknown[0]} units cannot be exported: exports know {', '.join(THETAS)}.")
    rounded = np.dtype(model.dtype)
    return Formula(
        columns=_columns(preparation),
        outputs=outputs,
        transforms=() if classes else preparation.transforms or (None,) * len(outputs),
        classes=classes.names if classes else (),
        threshold=sum(classes.levels) / 2 if classes and classes.width == 1 else None,
        standardise=_standardise(inputs, inputs.divisor, rounded),
        layers=tuple(
            Layer(_rounded(W[1:], rounded), _rounded(W[0], rounded), theta)
            for W, theta in zip(network.W, thetas, strict=True)
        ),
        undo=None if targets is None else _standardise(targets, targets.deviation, np.dtype(np.float64)),
        dtype=model.dtype,
        fingerprint=fingerprint(model),
        units=dict(units),
    )


def _columns(preparation: Preparation) -> tuple[Column, ...]:
    encodings = preparation.encodings or (PLAIN,) * len(preparation.inputs)
    return tuple(Column(name, **vars(encoding)) for name, encoding in zip(preparation.inputs, encodings, strict=True))


def fingerprint(model: Model) -> str:
    """The checksum that the model's file bears, a SHA-256. Local."""
    return checksum(model.tensors(), json.dumps({"model": model.metadata()}))


def _standardise(scaling: Scaling, divisor: np.ndarray, dtype: np.dtype) -> Standardise:
    return Standardise(scaling.shift, _rounded(scaling.mean, dtype), _rounded(divisor, dtype))


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.ascontiguousarray(values.astype(dtype).astype(np.float64))
