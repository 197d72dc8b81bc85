"""What a model computes, from columns of the table to predictions in its units, as numbers and names alone.

Exporters write this down in other languages, and know nothing of distnn's classes. What it cannot express, it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from distnn.data.scaling import Scaling
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.storage.files import checksum


@dataclass(frozen=True)
class Standardise:
    """(x - shift - mean) / divisor for each column, in this order; each float64, (d^(0),).

    The inverse, of targets, is y * divisor + mean + shift; a constant column has the divisor 0 there, and 1 for inputs.
    """

    shift: np.ndarray
    mean: np.ndarray
    divisor: np.ndarray


@dataclass(frozen=True)
class Layer:
    """θ(Wᵀ x + b). W: below × above, b: (above,), float64; theta: a name in ACTIVATIONS, or softmax in the last one."""

    W: np.ndarray
    b: np.ndarray
    theta: str


@dataclass(frozen=True)
class Formula:
    """A model, for exporters. Replicated.

    inputs: names of columns, outputs: names of what is predicted; units: of some of them, by name.
    undo: how outputs get the units of the table; None for classes, whose names are in the order of the outputs. With
    two classes and one output, the second class is predicted where that is above `threshold`.
    dtype: of the model's arithmetic; its numbers are those that it computes with, rounded to float32 where it does.
    fingerprint: the checksum of the model's file.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    threshold: float | None
    standardise: Standardise
    layers: tuple[Layer, ...]
    undo: Standardise | None
    dtype: str
    fingerprint: str
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def d(self) -> tuple[int, ...]:
        """The architecture."""
        return (len(self.inputs), *(len(layer.b) for layer in self.layers))

    def described(self, name: str) -> str:
        """A name with its unit, if there is one."""
        return f"{name} [{self.units[name]}]" if name in self.units else name


def formula(model: Model, units: Mapping[str, str]) -> Formula:
    """The formula of a model. Local. units: of inputs and targets, by name; UserError for a name that is none."""
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
    rounded = np.dtype(model.dtype)
    return Formula(
        inputs=preparation.inputs,
        outputs=outputs,
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


def fingerprint(model: Model) -> str:
    """The checksum that the model's file bears, a SHA-256. Local."""
    return checksum(model.tensors(), json.dumps({"model": model.metadata()}))


def _standardise(scaling: Scaling, divisor: np.ndarray, dtype: np.dtype) -> Standardise:
    return Standardise(scaling.shift, _rounded(scaling.mean, dtype), _rounded(divisor, dtype))


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.ascontiguousarray(values.astype(dtype).astype(np.float64))
