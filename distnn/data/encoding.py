"""How the columns of a table become inputs: words one by one, gaps filled in, transforms. Stored with the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from distnn.kernels.elementary import applied

BOOLEANS = {
    **dict.fromkeys(("True", "true", "TRUE", "T", "1", "1.0"), 1.0),
    **dict.fromkeys(("False", "false", "FALSE", "F", "0", "0.0"), 0.0),
}


class Transform(NamedTuple):
    """A function of the numbers of a column, its inverse, its derivative, and the number that all have to be above.

    slope(z): the derivative where the function is z.
    """

    forward: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    above: float


def _function(name: str) -> Callable[[np.ndarray], np.ndarray]:
    return lambda numbers: applied(name, numbers)


# To add one: its line here.
TRANSFORMS = {
    "log": Transform(_function("log"), _function("exp"), lambda z: applied("exp", -z), 0.0),
    "log1p": Transform(_function("log1p"), _function("expm1"), lambda z: applied("exp", -z), -1.0),
}


@dataclass(frozen=True)
class Encoding:
    """What is made of one column. Replicated.

    numbers: one input, fill where the value is missing, transformed by the function of that name. booleans: 0 or 1.
    words: an input for each of the categories, which is 1 where the word is that, and else 0; all 0 for a missing word.
    fill: None: none may be missing; for words, any number says that one may. indicator: one input more, 1 where the
    value is missing.
    """

    kind: Literal["numbers", "booleans", "words"] = "numbers"
    categories: tuple[str, ...] = ()
    fill: float | None = None
    indicator: bool = False
    transform: str | None = None

    @property
    def width(self) -> int:
        """How many inputs the column becomes."""
        return (len(self.categories) if self.kind == "words" else 1) + self.indicator

    def names(self, column: str) -> tuple[str, ...]:
        """The names of these inputs, for a column of that name."""
        own = [f"{column}={word}" for word in self.categories] if self.kind == "words" else [column]
        return (*own, *[f"{column} missing"] * self.indicator)

    def metadata(self) -> dict[str, Any]:
        """The encoding for JSON."""
        return dict(vars(self))

    @staticmethod
    def restore(metadata: dict[str, Any]) -> Encoding:
        """What `metadata` stored. KeyError, TypeError or ValueError if that is none."""
        found = Encoding(**{**metadata, "categories": tuple(metadata["categories"])})
        fits = (
            found.kind in ("numbers", "booleans", "words")
            and all(isinstance(word, str) for word in found.categories)
            and (found.fill is None or (isinstance(found.fill, float | int) and np.isfinite(found.fill)))
            and isinstance(found.indicator, bool)
            and (found.transform is None or found.transform in TRANSFORMS)
        )
        if not fits:
            raise ValueError("no encoding of a column")
        return found


PLAIN = Encoding()


def widths(encodings: Sequence[Encoding]) -> int:
    """d^(0): how many inputs the columns become."""
    return sum(encoding.width for encoding in encodings)


def encode(encodings: Sequence[Encoding], columns: Sequence[np.ndarray]) -> np.ndarray:
    """The inputs, r × d^(0) float64 in C order, of columns (r,) of float64, or of words. Local.

    Missing values (NaN, "") and words of no category must have been refused before, where they are to be.
    """
    inputs = np.zeros((len(columns[0]), widths(encodings)))
    first = 0
    for encoding, column in zip(encodings, columns, strict=True):
        gaps = absent(column)
        out = inputs[:, first : first + encoding.width]
        first += encoding.width
        if encoding.kind == "words":
            for i, word in enumerate(encoding.categories):
                out[:, i] = column == word
        else:
            out[:, 0] = column if encoding.fill is None else np.where(gaps, encoding.fill, column)
            if encoding.transform is not None:
                out[:, 0] = TRANSFORMS[encoding.transform].forward(out[:, 0])
        if encoding.indicator:
            out[:, -1] = gaps
    return inputs


def slopes(encodings: Sequence[Encoding], derivatives: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Derivatives by columns of the table, r × m × columns, from those by inputs, r × m × d^(0). Local.

    inputs: r × d^(0), as `encode` makes them. NaN by a column of words, which has none; where a value is missing, that
    at the value filled in.
    """
    found = np.full((*derivatives.shape[:2], len(encodings)), np.nan)
    first = 0
    for j, encoding in enumerate(encodings):
        if encoding.kind != "words":
            found[:, :, j] = derivatives[:, :, first]
            if encoding.transform is not None:
                found[:, :, j] *= TRANSFORMS[encoding.transform].slope(inputs[:, first])[:, None]
        first += encoding.width
    return found


def absent(column: np.ndarray) -> np.ndarray:
    """Which values of a column, (r,) of float64 or of words, are missing: bool (r,)."""
    return column == "" if column.dtype.kind == "U" else np.isnan(column)


def truth(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Words (r,) as 1 for true, 0 for false and NaN for a missing one; and which of them are none of these. Local."""
    found, inverse = np.unique(words, return_inverse=True)
    values = np.array([BOOLEANS.get(str(word), np.nan) for word in found])
    wrong = np.array([str(word) not in BOOLEANS and word != "" for word in found], bool)
    return values[inverse], wrong[inverse]
