"""The log of a run's metrics: metrics.jsonl, one Record a line, NaN as null. Rank 0 alone touches it."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from distnn.storage.files import replacing
from distnn.training.termination import Record


class Metrics:
    """The file, opened when it is first written to. last: the iteration of its last record, -1 if there is none."""

    def __init__(self, path: Path):
        self.path = path
        self.last = -1
        self._file: IO[str] | None = None
        self._flushed = 0.0

    def cut(self, t: int) -> None:
        """Drop the records after iteration t, which a resumed run computes again, and a half-written last line."""
        self.close()
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

    def append(self, record: Record, at_once: bool) -> None:
        """Append a record. The system gets it at once, or with the first that comes a second later. OSError if not.

        Nothing is synced: a killed process loses what the system has not got yet, a power cut perhaps more.
        """
        if self._file is None:
            self._file = self.path.open("a")
        self._file.write(json.dumps(finite(record)) + "\n")
        if at_once or record.seconds - self._flushed > 1:
            self._flushed = record.seconds
            self.flush()

    def flush(self) -> None:
        """Write what is left. OSError if it fails."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Open the file anew when it is written next: it is another one, or could not be written."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()


def finite(record: Record) -> dict[str, Any]:
    """A record for JSON, which knows no NaN and no infinity: null instead."""
    return {name: value if math.isfinite(value := getattr(record, name)) else None for name in record.__slots__}
