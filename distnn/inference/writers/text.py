"""Predictions as CSV: a line of names, then a line for each row; numbers read back to the bit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, Any

import numpy as np

from distnn.inference.predictions import Field
from distnn.inference.writers.writer import Writer


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def encode(fields: Sequence[Field], columns: Sequence[np.ndarray]) -> bytes:
    """The lines of some rows."""
    return _lines(zip(*(column.tolist() for column in columns), strict=True))


class CSVSink:
    """Names, and then lines as they come."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field], n: int):
        self._file = file
        file.write(_lines([[field.name for field in fields]]))

    def add(self, part: bytes) -> None:
        self._file.write(part)

    def close(self) -> None:
        self._file.flush()


CSV = Writer(encode, CSVSink, "for classes: the class, then the outputs", typed=False)
