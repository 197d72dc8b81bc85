"""A table that several trainings read one after another: what was read once is kept in memory, as long as it fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distnn.data.tables.source import Kind, Missing, Source


class Remembered(Source):
    """Another table, whose answers are kept. What is the same for that one is the same for this one.

    most: bytes that may be kept on this rank; what is beyond is read each time.
    """

    def __init__(self, source: Source, most: int):
        self.source, self.room = source, most
        self.path, self.n, self.columns = source.path, source.n, source.columns
        self.named, self.typed, self.notes = source.named, source.typed, source.notes
        self.aside, self.categories = source.aside, source.categories
        self._answers: dict[Any, tuple[np.ndarray, list[np.ndarray]]] = {}

    def kind(self, column: int) -> Kind | None:
        return self.source.kind(column)

    def number(self, field: str) -> float | None:
        return self.source.number(field)

    def default_targets(self) -> tuple[int, ...]:
        return self.source.default_targets()

    def default_weights(self) -> int | None:
        return self.source.default_weights()

    def place(self, row: int) -> str:
        return self.source.place(row)

    def prepare(self, start: int, stop: int) -> None:
        self.source.prepare(start, stop)

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        if keep is not None:
            return self.source.read(start, stop, numbers, words, keep, missing)
        asked = (start, stop, tuple(numbers), tuple(words), missing)
        if asked not in self._answers:
            table, texts = self.source.read(start, stop, numbers, words, missing=missing)
            size = table.nbytes + sum(text.nbytes for text in texts)
            if size > self.room:
                return table, texts
            self.room -= size
            self._answers[asked] = table, texts
        table, texts = self._answers[asked]
        return table.copy(), list(texts)  # the numbers are the caller's to change
