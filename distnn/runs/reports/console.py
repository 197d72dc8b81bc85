"""The report on stdout and stderr: lines, a bar on a terminal, and the last table. Imported on rank 0 alone.

rich, which draws, is imported by those alone that draw.
"""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING

from distnn.runs.options import Options
from distnn.runs.reports.report import End, Report
from distnn.runs.reports.sentences import line, numbers
from distnn.training.record import Record

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class ConsoleReport(Report):
    """Prints the course of one training on stdout; warnings on stderr. Local to rank 0.

    last: the last iteration, for the bar. every: iterations between lines of a log file, 0 for growing intervals.
    """

    def __init__(self, last: int | None, every: int = 0, quiet: bool = False):
        self.every, self.last, self.quiet = every, last, quiet
        self.bar: Progress | None = None

    @cached_property
    def console(self) -> Console:
        from distnn.command_line.console import stdout

        return stdout()

    def say(self, text: str) -> None:
        """Print a line."""
        if not self.quiet:
            self.console.print(text)

    def warn(self, text: str) -> None:
        """Print a warning."""
        print(f"distnn: {text}", file=sys.stderr, flush=True)

    def iteration(self, record: Record, done: bool) -> None:
        """Show an iteration; done: it is the last."""
        if self.quiet:
            return
        if self.console.is_terminal:
            self._bar(record)
        elif done or self._due(record.t):
            self.say(line(record))

    def end(self, end: End) -> None:
        """Print the table."""
        self.close()
        if not self.quiet:
            from distnn.command_line.console import pairs

            pairs(end.rows)

    def close(self) -> None:
        """Take the bar down, which has hidden the cursor."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _due(self, t: int) -> bool:
        if self.every:
            return t % self.every == 0
        return t == 0 or (t // 10 ** (len(str(t)) - 1) in (1, 2, 5) and t % 10 ** (len(str(t)) - 1) == 0)

    def _bar(self, record: Record) -> None:
        if self.bar is None:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("t {task.completed:.0f}"),
                BarColumn(),
                TextColumn("{task.fields[numbers]}"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=self.console, refresh_per_second=5)
            self.bar.add_task("", total=self.last, completed=record.t, numbers="")
            self.bar.start()
        self.bar.update(self.bar.task_ids[0], completed=record.t, numbers=numbers(record))


def report(options: Options) -> Report:
    """Every run is told of, if only of what goes wrong."""
    return ConsoleReport(options.max_iterations, options.log_every, options.quiet)
