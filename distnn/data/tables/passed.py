"""What a rank passes to `fit` as X, Y and weights, and what all ranks agree on about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from distnn.data.tables.frames import Frame, is_frame, refuse_other_order, refuse_sparse
from distnn.data.tables.parts import check_dtype, check_shape, column_names
from distnn.data.tables.source import Kind, quoted
from distnn.errors import UserError

NAMES = ("X", "Y", "weights")
# What a column holds, by a letter: that of its dtype's kind, t for text of which all of D says what it is, - for
# nothing but missing values.
KINDS: dict[str, Kind | None] = {
    "f": "numbers",
    "i": "integers",
    "u": "integers",
    "b": "booleans",
    "U": "words",
    "M": "dates",
    "t": None,
    "-": None,
}
DTYPES = {"i": np.int64, "u": np.uint64, "b": np.bool_}


class Shape(NamedTuple):
    """The columns of X, Y or weights: their names, a letter for each, and whether values are missing; is it a frame?

    categories: which columns a frame says are such.
    """

    names: tuple[str, ...]
    letters: tuple[str, ...]
    gaps: tuple[bool, ...]
    framed: bool
    categories: frozenset[str] = frozenset()

    def __str__(self) -> str:
        width, letters = len(self.names), set(self.letters)
        held = " of words" if letters <= {"U", "t"} else " of numbers" if letters <= set("fiub") else ""
        return f"{width} {'column' if width == 1 else 'columns'}{held}"


Shapes = dict[str, Shape | None]  # of X, Y and weights


@dataclass(frozen=True)
class Passed:
    """An array or a frame of one rank. Local.

    values: n × columns; of a frame a vector (n,) for each column, masked where values are missing.
    """

    shape: Shape
    values: np.ndarray | list[np.ndarray]
    n: int

    def block(self, columns: slice, letter: str, gaps: bool) -> np.ndarray:
        """Some columns, n × columns, as all ranks take them; masked where values are missing if `gaps`. Local."""
        if isinstance(self.values, np.ndarray):
            return _as(self.values[:, columns], letter, gaps)
        found = [_as(values, letter, gaps) for values in self.values[columns]]
        return np.ma.column_stack(found) if gaps else np.column_stack(found)


def _as(values: np.ndarray, letter: str, gaps: bool) -> np.ndarray:
    """Values as what all ranks take them for. NaN and "" stand for missing ones where there is such a thing."""
    data, missing = np.ma.getdata(values), np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    if letter in "Ut":
        if data.dtype.kind != "U":  # nothing but missing values
            return np.full(data.shape, "", "U1")
        return data if missing is None else np.where(missing, "", data)
    if letter in DTYPES:
        data = data.astype(DTYPES[letter], copy=False)
        return np.ma.masked_array(data, missing if missing is not None else False) if gaps else data
    data = data if data.dtype.kind == "f" else data.astype(np.float64)
    return data if missing is None else np.where(missing, np.nan, data)


def passed(X: Any, Y: Any, weights: Any) -> dict[str, Passed | None]:
    """This rank's arrays and frames, by name, checked against each other. Local. UserError for what is no table."""
    if X is None:
        raise UserError("X is missing.")
    for name, values in (("Y", Y), ("weights", weights)):
        refuse_other_order(X, values, name)
    tables = {name: _passed(name, values) for name, values in zip(NAMES, (X, Y, weights), strict=True)}
    rows = {name: table.n for name, table in tables.items() if table is not None}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in rows.items())
        raise UserError(f"All arrays of a rank must have the same number of rows, but {counts}.")
    width = len(tables["weights"].shape.names) if tables["weights"] else 1
    if width != 1:
        raise UserError(f"weights has {width} columns; it must have one.")
    return tables


def _passed(name: str, values: Any) -> Passed | None:
    if values is None:
        return None
    refuse_sparse(values, name)
    if is_frame(values):
        return _of_frame(name, Frame(values, name))
    table = _array(name, values)
    width, letter = table.shape[1], table.dtype.kind
    letter = "i" if letter == "u" and table.dtype.itemsize < 8 else letter
    names = _names(name, width)
    return Passed(Shape(names, (letter,) * width, (False,) * width, False), table, len(table))


def _of_frame(name: str, frame: Frame) -> Passed:
    """Text is as in a file: all of D says what it is. As the target it is words: whoever has numbers passes these."""
    if not frame.names and not frame.n:  # of a rank without rows it does not matter
        return Passed(Shape(_names(name, 1), ("-",), (True,), True), [np.zeros(0)], 0)
    found = [frame.column(i) for i in range(max(1, len(frame.names)))]
    letters = []
    for values, kind in found:
        if kind is None:
            letters.append("-" if values.dtype.kind != "U" else "U" if name == "Y" else "t")
        else:
            own = values.dtype.kind if kind == "integers" else next(k for k, held in KINDS.items() if held == kind)
            letters.append("i" if own == "u" and values.dtype.itemsize < 8 else own)
    gaps = tuple(bool(np.ma.getmaskarray(values).any()) for values, _ in found)
    names = frame.names if frame.names and name != "weights" else _names(name, len(found))
    categories = frozenset(name for i, name in enumerate(names) if frame.is_category(i))
    shape = Shape(names, tuple(letters), gaps, bool(frame.names), categories)
    return Passed(shape, [values for values, _ in found], frame.n)


def _names(name: str, width: int) -> tuple[str, ...]:
    return ("weights",) * width if name == "weights" else column_names(name.lower(), width)


def _array(name: str, values: Any) -> np.ndarray:
    """An array, or what becomes one, as a two-dimensional one."""
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        if values.dtype.kind not in "biuf":
            raise UserError(f"{name} is a masked array of words; fill it, with '' for a missing one.")
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(f"{name} is not a table: its rows are not all alike.") from error
    if name == "Y" and array.dtype == object and all(isinstance(value, str) for value in array.flat):
        array = array.astype(str)
    if len(array.shape) and len(array) == 0:
        return np.empty((0, 1))
    check_dtype(array.dtype, name, words=name == "Y")
    return array.reshape(check_shape(array.shape, name))


def agreed(spoken: dict[int, Shapes]) -> dict[str, Shape]:
    """What all ranks with rows say of X, Y and weights; UserError unless they say the same. Replicated in and out.

    spoken: by rank, in their order; ranks that say what an earlier one does need not be among them. Numbers of several
    kinds together are float64.
    """
    if not spoken:
        raise UserError("The arrays have no rows on any rank.")
    leader, first = next(iter(spoken.items()))
    for rank, found in spoken.items():
        for name in NAMES:
            if wrong := _difference(first[name], found[name], f"on rank {leader}", f"on rank {rank}"):
                raise UserError(f"{name} differs over the ranks: {wrong}.")
    return {name: _together([found[name] for found in spoken.values()]) for name in NAMES if first[name]}


def _difference(a: Shape | None, b: Shape | None, here: str, there: str) -> str | None:
    """What differs of the shapes of two ranks, in words; None: nothing that matters."""
    if a is None or b is None or len(a.names) != len(b.names):
        return None if a is b else f"{a or 'missing'} {here}, {b or 'missing'} {there}"
    if a.framed != b.framed:
        kinds = ("an array, whose columns have no names", "a frame")
        return f"{kinds[a.framed]} {here}, {kinds[b.framed]} {there}"
    for i, (own, other) in enumerate(zip(a.names, b.names, strict=True)):
        if own != other:
            return f"column {i} is {quoted(own)} {here}, {quoted(other)} {there}"
    for name, letters in zip(a.names, zip(a.letters, b.letters, strict=True), strict=True):
        groups = [next(group for group in ("fiub", "Ut", "M", "-") if letter in group) for letter in letters]
        if groups[0] != groups[1] and "-" not in groups:
            if not a.framed:
                return f"{a} {here}, {b} {there}"
            held = [{"fiub": "numbers", "Ut": "words", "M": "dates"}[group] for group in groups]
            return f"column {name} holds {held[0]} {here}, {held[1]} {there}"
    return None


def _together(shapes: Sequence[Shape | None]) -> Shape:
    """What the shapes of all ranks, between which no difference is, make together."""
    every = [shape for shape in shapes if shape]
    letters = []
    for found in zip(*(shape.letters for shape in every), strict=True):
        held = set(found) - {"-"}
        letters.append(held.pop() if len(held) == 1 else "-" if not held else "U" if held == {"U", "t"} else "f")
    gaps = tuple(map(any, zip(*(shape.gaps for shape in every), strict=True)))
    categories = frozenset().union(*(shape.categories for shape in every))
    return Shape(every[0].names, tuple(letters), gaps, every[0].framed, categories)
