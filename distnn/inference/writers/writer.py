"""What a format of predictions is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from distnn.inference.predictions import Field


class Sink(Protocol):
    """A file that is being written. Local to rank 0."""

    def add(self, part: Any) -> None:
        """Write the next rows, as `Writer.encode` made them. OSError if that fails."""

    def close(self) -> None:
        """Write what is left. OSError if that fails."""


def nothing() -> None:
    """No package is needed."""


class Writer(NamedTuple):
    """A format. Local.

    encode(fields, columns): rows as what can be sent to rank 0; columns: the values of each field, (r,). open(file,
    fields, n): begins a binary file of n rows. holds: what it holds, for --help. typed, words: as in `Predictions`.
    require(): UserError if a package is missing.
    """

    encode: Callable[[Sequence[Field], Sequence[np.ndarray]], Any]
    open: Callable[[IO[bytes], Sequence[Field], int], Sink]
    holds: str
    typed: bool = True
    words: bool = True
    require: Callable[[], None] = nothing
