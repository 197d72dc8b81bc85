"""The console: where rank 0 prints, and the tables that it prints there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100_000  # columns of a file: no table and no line needs as many


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values on stdout, a line each; on a terminal long values are folded."""
    shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(name, Text(value))
    print_table(shown)


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


def stdout() -> Console:
    """The console of stdout, which prints texts as they are; where it goes to a file, wide enough for every table.

    Open MPI gives rank 0 a terminal of its own, wherever its output goes; launch/local.sh says if there is a real one.
    """
    pretended = "OMPI_COMM_WORLD_RANK" in os.environ and "TTY_INTERACTIVE" not in os.environ
    console = Console(highlight=False, markup=False, emoji=False, force_terminal=False if pretended else None)
    if not console.is_terminal:
        console.width = WIDTH
    return console
