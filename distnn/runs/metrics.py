"""The log of a run's metrics: metrics.jsonl, one Record a line, NaN as null. Rank 0 alone touches it."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

from distnn.storage.files import append, replacing
from distnn.training.record import Record

WAITING = 100_000  # records that are kept while they cannot be written, the newest
FIELDS = attrgetter(*Record.__slots__)
LINE = ", ".join(f'"{name}": %s' for name in Record.__slots__)


class Metrics:
    """The file. last: the iteration of its last record, -1 if there is none.

    Records wait in memory for up to a second, and for longer where they cannot be written: then a whole line is on disk
    or nothing of it, and what could not be written is, as soon as it can be.
    """

    def __init__(self, path: Path):
        self.path = path
        self.last = -1
        self._file: int | None = None
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._flushed = 0.0
        self._failing = False

    def cut(self, t: int) -> None:
        """Drop the records after iteration t, which a resumed run computes again, and a half-written last line."""
        self.close()
        self._waiting.clear()
        self.last = -1
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(errors="replace").splitlines():
            try:
                here = json.loads(line)["t"]
                if here <= t:
                    kept.append(line)
                    self.last = int(here)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue
        with replacing(self.path, "w") as file:
            file.writelines(line + "\n" for line in kept)

    def append(self, record: Record, at_once: bool, more: Mapping[str, Any] | None = None) -> str | None:
        """Append a record; it is on disk within a second, or at once. Returns what went wrong, as `flush`.

        more: what stands in its line, too, by names of its own.
        """
        self._waiting.append(line(record, more or {}).encode())
        if at_once or record.seconds - self._flushed > 1:
            self._flushed = record.seconds
            return self.flush()
        return None

    def flush(self) -> str | None:
        """Write what is left. Returns what went wrong in a sentence, once for each time that it begins to go wrong."""
        if not self._waiting:
            return None
        wrong = None
        try:
            if self._file is not None and self._is_gone():
                wrong = f"{self.path} was deleted, and is begun anew; its older records are lost."
                self.close()
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            append(self._file, b"".join(self._waiting))
        except OSError as error:
            self.close()  # it is opened anew: it may be another one by then
            if not self._failing:
                wrong = f"{self.path} cannot be written ({error.strerror}); training goes on, and it is tried again."
            self._failing = True
            return wrong
        self._waiting.clear()
        self._failing = False
        return wrong

    def _is_gone(self) -> bool:
        """Is the open file no longer the one of that name?"""
        assert self._file is not None
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Open the file anew when it is written next: it is another one, or could not be written."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)


def line(record: Record, more: Mapping[str, Any]) -> str:
    """A record as a line of JSON, as json.dumps would write `finite` of it, in half the time; and more after it."""
    numbers = LINE % tuple([value if math.isfinite(value) else "null" for value in FIELDS(record)])
    return f"{{{numbers}, {json.dumps(more)[1:-1]}}}\n" if more else f"{{{numbers}}}\n"


def finite(record: Record) -> dict[str, Any]:
    """A record for JSON, which knows no NaN and no infinity: null instead."""
    return {name: value if math.isfinite(value := getattr(record, name)) else None for name in record.__slots__}


def number(value: Any) -> float:
    """What a file holds, as a number: NaN where it is none that float64 has. Local."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan
