"""Predictions as an array of float64, n × columns, in the units of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import numpy as np

from distnn.errors import UserError
from distnn.inference.predictions import Field
from distnn.inference.writers.writer import Writer

EXACT = 1 << 53  # below which float64 has all whole numbers


def encode(fields: Sequence[Field], columns: Sequence[np.ndarray]) -> bytes:
    """The bytes of some rows. UserError for a whole number that float64 does not have."""
    table = np.empty((len(columns[0]), len(columns)), "<f8")
    for j, (field, column) in enumerate(zip(fields, columns, strict=True)):
        if field.kind == "integers" and (np.abs(np.ma.filled(column, 0)) > EXACT).any():
            raise UserError(
                f"Column {field.name} holds whole numbers beyond 2^53, which an .npy of numbers would change: write "
                "another format."
            )
        table[:, j] = np.ma.filled(np.ma.asarray(column).astype("<f8"), np.nan)
    return table.tobytes()


class NPYSink:
    """A header that says how many rows there are, and then these."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field], n: int):
        for field in fields:
            if field.kind == "words":
                raise UserError(f"Column {field.name} holds words, and .npy numbers only: write another format.")
        self._file = file
        header = {"descr": "<f8", "fortran_order": False, "shape": (n, len(fields))}
        np.lib.format.write_array_header_1_0(file, header)

    def add(self, part: bytes) -> None:
        self._file.write(part)

    def close(self) -> None:
        self._file.flush()


NPY = Writer(encode, NPYSink, "the outputs, and no names", words=False)
