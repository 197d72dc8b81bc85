"""Classes as targets: names to numbers to output values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from distnn.network.activations import ACTIVATIONS


@dataclass(frozen=True)
class Classes:
    """The classes of a classifier, in the order of its outputs. Replicated.

    Two classes have one output (low for the first, high for the second), except under softmax; K > 2 classes have K.
    """

    names: tuple[str, ...]
    output_theta: str

    @property
    def width(self) -> int:
        """d^(L)."""
        return 1 if len(self.names) == 2 and self.output_theta != "softmax" else len(self.names)

    @property
    def levels(self) -> tuple[float, float]:
        """The output values for "not this class" and "this class"."""
        theta = ACTIVATIONS.get(self.output_theta)
        return (0.0, 1.0) if theta is None else (theta.low, theta.high)

    def encode(self, codes: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """Targets y, d^(L) × r, for the class numbers (r,)."""
        low, high = self.levels
        if self.width == 1:
            return np.where(codes == 1, high, low).astype(dtype)[None]
        y = np.full((self.width, len(codes)), low, dtype)
        y[codes, np.arange(len(codes))] = high
        return y

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The class numbers (r,) of outputs d^(L) × r: the largest output; with one output, the nearer level."""
        if self.width == 1:
            return (outputs[0] > sum(self.levels) / 2).astype(np.int64)
        return outputs.argmax(axis=0)


def class_name(value: float) -> str:
    """The name of a class that is given as a number: 3 for 3.0."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def sort_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of their classes: by value if all are numbers, else as words. The same on every rank."""
    try:
        return tuple(sorted(set(names), key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(set(names)))
