"""Rows for a model from Python: arrays and frames as tables, whose columns are read as those of a file are."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from distnn.data.encoding import PLAIN
from distnn.data.preparation import Preparation
from distnn.data.rows import Rows
from distnn.data.tables.arrays import MemoryPart
from distnn.data.tables.frames import Frame, is_frame, refuse_sparse
from distnn.data.tables.parts import PartsSource
from distnn.data.tables.source import listed
from distnn.errors import UserError

WHERE = "The inputs"


def rows_of(X: Any, preparation: Preparation) -> Rows:
    """The rows of X, n × the columns of the model's table, without targets. Local.

    X: an array, whose columns stand in the order of the training, or a frame, whose columns are found by their names.
    UserError for inputs of another shape, a column that is missing, and values that the model cannot do with;
    a warning for columns that it does not use.
    """
    names = preparation.inputs
    refuse_sparse(X, "X")
    if is_frame(X):
        frame = Frame(X, WHERE)
        columns = [_column(frame, number) for number in _found(frame.names, preparation)]
        shape: tuple[int, ...] = (frame.n, len(columns))
    else:
        masked = np.ma.isMaskedArray(X) and X.dtype.kind in "biuf"
        X = np.ma.filled(X.astype(np.float64), np.nan) if masked else _array(X)
        shape, columns = X.shape, list(X.T) if X.ndim == 2 else []
    if len(shape) != 2 or shape[1] != len(names):
        raise UserError(f"{WHERE} have shape {shape}; this model needs (any, {len(names)}).")
    if not is_frame(X) and all(encoding == PLAIN for encoding in preparation.encodings):
        return Rows.of_inputs(_finite(columns, shape))
    parts = [MemoryPart(_typed(column)[:, None], 0, (name,)) for column, name in zip(columns, names, strict=True)]
    source = PartsSource(WHERE, shape[0], parts, ())
    return Rows.read(source, preparation.columns(source, with_targets=False), 0, shape[0])


def _found(held: tuple[str, ...], preparation: Preparation) -> list[int]:
    """The numbers of a frame's columns that are the model's inputs: by name, or by place if the model has no names."""
    names = preparation.inputs
    lacking = [name for name in names if name not in held]
    if lacking and all(name.isdigit() or name == f"x{i}" for i, name in enumerate(names, 1)):
        return list(range(len(held)))
    if lacking:
        raise UserError(f"{WHERE} lack the column {lacking[0]}; their columns are {listed(held)}.")
    more = [name for name in held if name not in (*names, *preparation.targets, preparation.weight)]
    if more:
        warnings.warn(f"The model does not use the columns {listed(more)}.", stacklevel=5)
    return [held.index(name) for name in names]


def _column(frame: Frame, number: int) -> np.ndarray:
    """A column of a frame, (n,), masked where values are missing. UserError for dates."""
    values, kind = frame.column(number)
    if kind == "dates":
        raise UserError(f"{WHERE}, column {frame.names[number]}: it holds dates, and the model was trained on others.")
    return values


def _array(X: Any) -> np.ndarray:
    """X as an array. UserError for rows of different lengths, and for complex numbers."""
    try:
        found = np.asarray(X)
    except ValueError:
        raise UserError(f"{WHERE} are no array: their rows have different lengths.") from None
    if found.dtype.kind == "c":
        raise UserError(f"{WHERE} hold complex numbers; this model needs real ones.")
    return found


def _finite(columns: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The columns as float64, n × columns in C order; UserError for one that is not finite."""
    values = np.empty(shape)
    for j, column in enumerate(columns):
        column = _typed(column)
        try:
            values[:, j] = column
        except ValueError:
            row = next(i for i, value in enumerate(column) if not _is_number(value))
            raise UserError(
                f"{WHERE} hold {str(column[row])!r} in row {row}, column {j}; this model needs a number there."
            ) from None
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise UserError(
            f"{WHERE} hold {values[row, column]} in row {row}, column {column}; every value must be finite."
        )
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _typed(column: np.ndarray) -> np.ndarray:
    """A column of Python objects as one of words or of numbers, in which None is a missing value."""
    if column.dtype.kind != "O":
        return column
    values = column.tolist()
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None or value != value else str(value) for value in values])
    try:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{WHERE} hold what is neither a number nor a word: convert them with .astype.") from None
