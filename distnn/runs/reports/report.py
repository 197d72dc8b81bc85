"""What hears of the course of a training: `Report`, which says nothing, and `Reports`, several of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnn.runs.directory import RunDirectory
from distnn.runs.options import Options
from distnn.training.record import Record
from distnn.training.termination import Reason


@dataclass(frozen=True)
class Beginning:
    """A run that begins or goes on.

    options: with what was left open decided. environment: what the bits depend on besides the data. directory: the
    run's. every: iterations between evaluations of E_in over all of D. record: where it goes on, None at the start.
    warn: to say that something went wrong, which all reports hear.
    """

    options: Options
    environment: Mapping[str, Any]
    directory: RunDirectory
    every: int
    record: Record | None
    warn: Callable[[str], None]


@dataclass(frozen=True)
class End:
    """A run that has come to its end.

    reason: why. result: what result.json holds. model: the file, None if it could not be written. rows: the table at
    the end, names and values.
    """

    reason: Reason
    result: Mapping[str, Any]
    model: Path | None
    rows: Sequence[tuple[str, str]]


class Report:
    """What hears of the course of a training. Local. This one says nothing: it is that of all ranks but 0.

    Sentences and warnings come at any time. A run begins, has its iterations, and ends, or `close` comes where it was
    broken off.
    """

    def say(self, text: str) -> None:
        """A sentence of what is going on."""

    def warn(self, text: str) -> None:
        """A warning."""

    def begin(self, beginning: Beginning) -> None:
        """A run begins or goes on."""

    def iteration(self, record: Record, done: bool) -> None:
        """An iteration, of a run that goes on once more the one reached; done: it is the last."""

    def communication(self, least: float, most: float) -> None:
        """The least and the most share of the time that a rank has spent in communication, since this came last."""

    def end(self, end: End) -> None:
        """The run is over: its files are written."""

    def close(self) -> None:
        """Nothing more will come, also after an error."""


class Reports(Report):
    """Several reports, by their names. One that fails is not asked again, and that is said: no training ends by it."""

    def __init__(self, reports: Mapping[str, Report]):
        self._reports = dict(reports)

    def _tell(self, tell: Callable[[Report], None]) -> None:
        for name, report in list(self._reports.items()):
            if name not in self._reports:  # it failed on a warning meanwhile
                continue
            try:
                tell(report)
            except Exception as error:
                del self._reports[name]
                with suppress(Exception):
                    report.close()
                why = f"{type(error).__name__}: {error}"
                self.warn(f"the report {name} failed, and is left out from now on; training goes on ({why}).")

    def say(self, text: str) -> None:
        self._tell(lambda report: report.say(text))

    def warn(self, text: str) -> None:
        self._tell(lambda report: report.warn(text))

    def begin(self, beginning: Beginning) -> None:
        self._tell(lambda report: report.begin(beginning))

    def iteration(self, record: Record, done: bool) -> None:
        self._tell(lambda report: report.iteration(record, done))

    def communication(self, least: float, most: float) -> None:
        self._tell(lambda report: report.communication(least, most))

    def end(self, end: End) -> None:
        self._tell(lambda report: report.end(end))

    def close(self) -> None:
        self._tell(lambda report: report.close())
