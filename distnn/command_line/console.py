"""What rank 0 prints: a bar on a terminal, lines at growing intervals in a log file, a table at the end."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from distnn.training.termination import Reason, Record


class Report:
    """Prints the course of one training on stdout; warnings on stderr. Local to rank 0.

    last: the last iteration, for the bar. every: iterations between lines of a log file, 0 for growing intervals.
    """

    def __init__(self, last: int | None, every: int = 0, quiet: bool = False):
        self.console = stdout()
        self.console.quiet = quiet
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self.every, self.last = every, last
        self.bar: Progress | None = None

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.errors.print(f"distnn: {text}", markup=False)

    def iteration(self, record: Record, done: bool) -> None:
        """Show an iteration; done: it is the last."""
        if self.console.is_terminal and not self.console.quiet:
            self._bar(record)
        elif done or self._due(record.t):
            self.say(line(record))

    def _due(self, t: int) -> bool:
        if self.every:
            return t % self.every == 0
        return t == 0 or (t // 10 ** (len(str(t)) - 1) in (1, 2, 5) and t % 10 ** (len(str(t)) - 1) == 0)

    def _bar(self, record: Record) -> None:
        if self.bar is None:
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

    def close(self) -> None:
        """Take the bar down."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def summary(self, rows: Sequence[tuple[str, str]]) -> None:
        """The table at the end: names and values."""
        self.close()
        if not self.console.quiet:
            pairs(rows)


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values on stdout, a line each; on a terminal long values are folded."""
    shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(name, Text(value))
    print_table(shown)


def line(record: Record) -> str:
    """One line of a log file."""
    return f"t {record.t:<8d} {numbers(record)}  {record.seconds:.1f} s"


def numbers(record: Record) -> str:
    """Errors, gradient and speed of an iteration, in words."""
    parts = [f"E_in {record.E_in:<12.6g}"]
    if not math.isnan(record.E_val):
        parts.append(f"E_val {record.E_val:<12.6g}")
    parts.append(f"|G| {record.gradient_norm:<10.3g}")
    if math.isfinite(record.examples_per_second):
        parts.append(f"{record.examples_per_second:.3g} examples/s")
    return "  ".join(parts)


def ending(
    record: Record, reason: Reason, seconds: Sequence[float], communication: Sequence[float]
) -> list[tuple[str, str]]:
    """The rows of the last table. seconds: of the training, rank by rank; communication: those of them spent in it."""
    rows = [("stopped because", reason.text), ("what next", reason.advice)]
    rows.append(("E_in", f"{record.E_in:.6g}"))
    if not math.isnan(record.E_val):
        rows.append(("E_val", f"{record.E_val:.6g}"))
    rows.append(("iterations", f"{record.t} ({record.evaluations:.6g} passes over D)"))
    rows.append(("time", duration(record.seconds)))
    shares = [waited / max(total, 1e-9) for waited, total in zip(communication, seconds, strict=True)]
    for name, share in (("computing", [1 - share for share in shares]), ("communication", shares)):
        rows.append(
            (
                name,
                f"{100 * min(share):.1f} to {100 * max(share):.1f} % of the time, least and most of {len(share)} ranks",
            )
        )
    return rows


def duration(seconds: float) -> str:
    """Seconds in the units that a person would use."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on stdout: the first column to the left, the others to the right."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        shown.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        shown.add_row(*(Text(str(value)) for value in row))
    print(title)
    print_table(shown)


def print_table(shown: Table) -> None:
    """Print a rich table on stdout, with no blanks at the ends of lines where it goes to a file."""
    console = stdout()
    if console.is_terminal:
        console.print(shown)
        return
    with console.capture() as captured:
        console.print(shown)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    print("\n".join(lines))


class Enduring(Console):
    """A console that falls silent when nobody reads it any more, as in `… | head`: the training goes on."""

    def on_broken_pipe(self) -> None:
        """Called by rich, whose own ends the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stdout() -> Console:
    """The console of stdout; where it goes to a file, wide enough for every table.

    Open MPI gives rank 0 a terminal of its own, wherever its output goes; launch/local.sh says if there is a real one.
    """
    pretended = "OMPI_COMM_WORLD_RANK" in os.environ and "TTY_INTERACTIVE" not in os.environ
    console = Enduring(highlight=False, force_terminal=False if pretended else None)
    if not console.is_terminal:
        console.width = 200
    return console
