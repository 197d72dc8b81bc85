"""What is told of a farm: a line for each member that is over, a bar on a terminal; and each member's own reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from distnn.errors import BAD_USE
from distnn.runs.reports import Beginning, End, Report
from distnn.runs.reports.console import ConsoleReport
from distnn.runs.reports.sentences import duration
from distnn.training.record import Record


class FarmReport(ConsoleReport):
    """Prints the course of a farm. Local to rank 0. count: members in all; kind: what they are called."""

    def __init__(self, kind: str, count: int, quiet: bool):
        super().__init__(None, quiet=quiet)
        self.kind, self.count, self.over = kind, count, 0

    def start(self) -> None:
        """The members are going to be trained."""
        if self.console.is_terminal and not self.console.quiet:
            columns = (TextColumn(f"{self.kind}s"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self.bar = Progress(*columns, console=self.console, refresh_per_second=5)
            self.bar.add_task("", total=self.count, completed=self.over)
            self.bar.start()

    def finished(self, name: str, result: dict[str, Any]) -> None:
        """A member is over, and this is its result."""
        self.over += 1
        self.say(f"{name}: {summary(result)} ({self.over} of {self.count} done)")
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=self.over)


def summary(result: dict[str, Any]) -> str:
    """What a training came to, in a few words."""
    if result["code"] == BAD_USE:
        return str(result["text"])
    errors = [f"{name} {result[name]:.6g}" for name in ("E_in", "E_val", "E_test") if result.get(name) is not None]
    if result.get("evidence") is not None:
        errors.append(f"log evidence {result['evidence']:.6g}")
    return ", ".join([*errors, f"{result['t']} iterations in {duration(result['seconds'])}, {result['text']}"])


class MemberReport(Report):
    """A member's reports, whose warnings say which member they are of: `name`, which changes from one to the next.

    heard: is told of each iteration but the last one.
    """

    def __init__(self, report: Report):
        self.report, self.name = report, ""
        self.heard: Callable[[Record], None] | None = None

    def warn(self, text: str) -> None:
        self.report.warn(f"{self.name}: {text}")

    def begin(self, beginning: Beginning) -> None:
        self.report.begin(beginning)

    def iteration(self, record: Record, done: bool) -> None:
        self.report.iteration(record, done)
        if self.heard is not None and not done:
            self.heard(record)

    def communication(self, least: float, most: float) -> None:
        self.report.communication(least, most)

    def end(self, end: End) -> None:
        self.report.end(end)

    def close(self) -> None:
        self.report.close()
