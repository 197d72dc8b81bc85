"""The numbers of a run as a table, metrics.csv in its directory, for spreadsheets and pandas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distnn.runs.contents import TABLE
from distnn.runs.trackers.tracker import Course, Numbers, Outcome, Tracker
from distnn.storage.files import append, replacing
from distnn.training.record import Record

COLUMNS = tuple(Record.__slots__)
HEADER = ",".join(COLUMNS) + "\n"


class Table(Tracker):
    """A line for each iteration; what is not known is an empty field."""

    most = 10_000
    path: Path

    def begin(self, course: Course) -> int:
        """What comes after the iteration where the run goes on is cut off, and a last line that is half there."""
        self.path = course.folder / TABLE
        if course.t < 0 or not self.path.exists():
            self.path.unlink(missing_ok=True)
            return -1
        header, *lines = self.path.read_text(errors="replace").splitlines(keepends=True) or [""]
        kept = [line for line in lines if header == HEADER and 0 <= _t(line) <= course.t]
        with replacing(self.path, "w") as file:
            file.writelines([HEADER, *kept])
        return _t(kept[-1]) if kept else -1

    def log(self, rows: Sequence[Numbers]) -> None:
        lines = [",".join("" if (value := row[name]) is None else repr(value) for name in COLUMNS) for row in rows]
        with self.path.open("ab", buffering=0) as file:
            header = "" if file.tell() else HEADER
            append(file.fileno(), (header + "".join(f"{line}\n" for line in lines)).encode())

    def end(self, outcome: Outcome) -> None:
        """Options, environment and model lie beside it."""


def _t(line: str) -> int:
    """The iteration of a line, -1 if it is none."""
    t = line.partition(",")[0]
    return int(t) if t.isdecimal() and line.endswith("\n") and line.count(",") == len(COLUMNS) - 1 else -1


def tracker() -> Tracker:
    """One that needs no package."""
    return Table()
