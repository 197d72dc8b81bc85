"""Classes as targets: names to numbers to output values, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from distnn.network.activations import ACTIVATIONS


@dataclass(frozen=True)
class Classes:
    """The classes of a classifier, in the order of its outputs. Replicated.

    Two classes have one output (low for the first, high for the second), except under softmax; K > 2 classes have K.
    names: as they are written in the table. kind: what they are, "words", "integers", "numbers" or "booleans". weights:
    what those of the examples of each class were multiplied by in the training, or () for 1.
    """

    names: tuple[str, ...]
    output_theta: str
    kind: str = "words"
    weights: tuple[float, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """The classes (K,) as what they are: str, int, float or bool."""
        if self.kind == "booleans":
            return np.array([name == "True" for name in self.names])
        types: dict[str, Callable[[str], object]] = {"integers": int, "numbers": float}
        return np.array([*map(types.get(self.kind, str), self.names)])

    def codes(self, words: np.ndarray) -> tuple[np.ndarray, str | None]:
        """The class numbers (r,) of names of classes (r,), and the first name, in order, that is not one of them.

        1.0 and 1 are one name, if only one of them is that of a class; 01 is another one. Local.
        """
        number = {name: code for code, name in enumerate(self.names)}
        found, inverse = np.unique(words, return_inverse=True)
        spelled = [next((n for n in (name, *_other_spelling(name)) if n in number), name) for name in map(str, found)]
        unknown = next((name for name in spelled if name not in number), None)
        return np.array([number.get(name, -1) for name in spelled], np.int64)[inverse], unknown

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


def _other_spelling(name: str) -> tuple[str, ...]:
    """1 for 1.0, and 1.0 for 1."""
    try:
        whole, real = class_name(float(name)), repr(float(name))
    except (ValueError, OverflowError):
        return ()
    return (real,) if name == whole else (whole,) if name == real else ()


def kind_of_labels(names: Sequence[str]) -> str:
    """What names of classes are that were found in text: integers or numbers, if all are written as Python would."""
    for kind, spell in (("integers", lambda name: str(int(name))), ("numbers", lambda name: repr(float(name)))):
        try:
            if all(spell(name) == name for name in names):
                return kind
        except ValueError:
            continue
    return "booleans" if set(names) == {"True", "False"} else "words"


def class_name(value: float | np.floating) -> str:
    """The name of a class that is given as a number: 3 for 3.0."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def label_name(label: object) -> str:
    """The name of a class that is given as a value of Python."""
    return class_name(label) if isinstance(label, float | np.floating) else str(label)


def sort_names(names: Collection[str]) -> tuple[str, ...]:
    """Names in the order of their classes: by value if all are numbers, else as words. The same on every rank."""
    try:
        return tuple(sorted(set(names), key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(set(names)))
