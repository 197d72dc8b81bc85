"""Rows for a model from Python: arrays and frames as tables, whose columns are read as those of a file are."""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.data.encoding import PLAIN
from distnn.data.preparation import Preparation
from distnn.data.rows import Rows
from distnn.data.tables.arrays import MemoryPart
from distnn.data.tables.parts import PartsSource
from distnn.errors import UserError

WHERE = "The inputs"


def rows_of(X: Any, preparation: Preparation) -> Rows:
    """The rows of X, n × the columns of the model's table, without targets. Local.

    X: an array, whose columns stand in the order of the training, or a frame with `columns`, which are found by name.
    UserError for inputs of another shape, a column that is missing, and values that the model cannot do with.
    """
    names = preparation.inputs
    if hasattr(X, "columns") and hasattr(X, "__getitem__"):
        held = [str(name) for name in X.columns]
        lacking = [name for name in names if name not in held]
        if lacking and not all(name.isdigit() or name == f"x{i}" for i, name in enumerate(names, 1)):
            raise UserError(f"{WHERE} lack the column {lacking[0]}; their columns are {', '.join(held[:20])}.")
        chosen = list(X.columns) if lacking else [X.columns[held.index(name)] for name in names]
        columns = [np.asarray(X[name]) for name in chosen]
        shape: tuple[int, ...] = (len(X), len(columns))
    else:
        X = np.asarray(X)
        shape, columns = X.shape, list(X.T) if X.ndim == 2 else []
    if len(shape) != 2 or shape[1] != len(names):
        raise UserError(f"{WHERE} have shape {shape}; this model needs (any, {len(names)}).")
    if all(encoding == PLAIN for encoding in preparation.encodings):
        return Rows.of_inputs(_finite(columns, shape))
    parts = [MemoryPart(_typed(column)[:, None], 0, (name,)) for column, name in zip(columns, names, strict=True)]
    source = PartsSource(WHERE, shape[0], parts, ())
    return Rows.read(source, preparation.columns(source, with_targets=False), 0, shape[0])


def _finite(columns: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The columns as float64, n × columns in C order; UserError for one that is not finite."""
    values = np.empty(shape)
    for j, column in enumerate(columns):
        values[:, j] = _typed(column) if column.dtype == object else column
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise UserError(
            f"{WHERE} hold {values[row, column]} in row {row}, column {column}; every value must be finite."
        )
    return values


def _typed(column: np.ndarray) -> np.ndarray:
    """A column of Python objects as one of words or of numbers, in which None is a missing value."""
    if column.dtype.kind != "O":
        return column
    values = column.tolist()
    if any(isinstance(value, str) for value in values):
        return np.array(["" if value is None or value != value else str(value) for value in values])
    return np.array([np.nan if value is None else value for value in values], np.float64)
