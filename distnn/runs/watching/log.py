"""A metrics.jsonl that grows, read bit by bit, however long it is."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from pathlib import Path
from typing import IO

from distnn.runs.contents import METRICS
from distnn.runs.metrics import number

BYTES = 8 << 20  # that are read at a time; of more, lines here and there
LINES = 4000  # so many of them
POINTS = 4096  # of a curve that are kept
RECENT = 50  # records from which the speed is taken
LONG = 1 << 16  # bytes that no line has

Row = dict[str, float]  # the numbers of a record that are known, by name


class Log:
    """The records of a run. points: (t, E_in, E_val) of some iterations, in their order, NaN for what is not known.

    recent: the newest records. communication: the least and the most share of the time that a rank spent in it lately,
    None if that is not known.
    """

    def __init__(self, folder: Path):
        self.path = folder / METRICS
        self._forget()

    def _forget(self) -> None:
        self.points: list[tuple[int, float, float]] = []
        self.recent: deque[Row] = deque(maxlen=RECENT)
        self.communication: tuple[float, float] | None = None
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._stride, self._count = 1, 0

    def read(self) -> None:
        """Read what has come since. A file that was begun anew, as at --resume, is read from its beginning."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                which = (found.st_dev, found.st_ino)
                if which != self._file or found.st_size < self._offset:
                    self._forget()
                    self._file = which
                self._read(file, found.st_size)
        except FileNotFoundError:
            self._forget()

    def _read(self, file: IO[bytes], size: int) -> None:
        if size - self._offset > BYTES:
            step = (size - self._offset) // LINES
            for place in range(self._offset, size - BYTES // 8, step):
                file.seek(max(0, place - 1))
                if place:
                    file.readline(LONG)  # the rest of a line
                self._take(file.readline(LONG))
            file.seek(size - BYTES // 8)
            self._offset = file.tell() + len(file.readline(LONG))
        file.seek(self._offset)
        for line in file.read(size - self._offset).splitlines(keepends=True):
            if line.endswith(b"\n"):  # else it is only half there yet
                self._offset += len(line)
                self._take(line)

    def _take(self, line: bytes) -> None:
        """A line; one that is no record is passed over."""
        try:
            row = json.loads(line)
            point = int(number(row["t"])), number(row["E_in"]), number(row.get("E_val"))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return
        if self.recent and point[0] <= self.recent[-1]["t"]:
            return
        self.recent.append({name: value for name, value in row.items() if not math.isnan(number(value))})
        match row.get("communication"):
            case [float() | int() as least, float() | int() as most]:
                self.communication = least, most
        if self._count % self._stride == 0:
            self.points.append(point)
        self._count += 1
        if len(self.points) > POINTS:
            self.points, self._stride = self.points[::2], 2 * self._stride

    @property
    def last(self) -> Row | None:
        """The newest record, None if there is none yet."""
        return self.recent[-1] if self.recent else None

    def curve(self) -> list[tuple[int, float, float]]:
        """The points, and the newest record."""
        last = self.last
        if last is None or (self.points and self.points[-1][0] == last["t"]):
            return self.points
        return [*self.points, (int(last["t"]), number(last.get("E_in")), number(last.get("E_val")))]

    def rate(self, name: str) -> float:
        """How fast a quantity has grown lately, in a second; NaN if that is not known."""
        if len(self.recent) < 2:
            return math.nan
        first, last = self.recent[0], self.recent[-1]
        grown, seconds = (number(last.get(of)) - number(first.get(of)) for of in (name, "seconds"))
        return grown / seconds if seconds > 0 else math.nan
