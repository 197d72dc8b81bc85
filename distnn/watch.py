"""`python -m distnn.watch`: what trainings are doing, in the terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.live import Live
from rich.text import Text

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import AtLeast, Positional
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks
from distnn.runs.watching.state import is_run
from distnn.runs.watching.view import Watched, line, table, whole

PROGRAM = "distnn watch"
ABOUT = """Watch a training, or several.

It reads the directories of the runs, which it does not change, on any host that sees them, until none of them is
running any more, or until Ctrl-C.

Examples:
distnn watch runs/lift
distnn watch runs --once"""

WATCH = "Watch"  # the group of options in --help
HUES = {"×": "yellow", "[⠀-⣿⠒]": "cyan", "^[^ ]+$": "bold", "(?<=^state       )[a-z ]+": "green"}


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """Options of the command."""

    runs: Annotated[
        tuple[str, ...], WATCH, "Directories of runs, or of several of them. Several get a line each.", Positional()
    ] = ()
    once: Annotated[bool, WATCH, "Show what is known now, and end."] = False
    every: Annotated[float, WATCH, "Seconds between looks.", AtLeast(0)] = 2.0


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Watch as the arguments say, on rank 0. Returns the exit code."""
    with ranks.sharing_errors():
        if ranks.rank == 0:
            options = parse(WatchOptions, PROGRAM, ABOUT, arguments)
            if options is not None:
                _watch([Watched(folder) for folder in _folders(options.runs)], options)
    return 0


def _folders(given: Sequence[str]) -> list[Path]:
    """The directories of runs. UserError where there are none."""
    if not given:
        raise UserError("Which run? Give its directory, such as runs/lift, or several.")
    found: list[Path] = []
    for folder in map(Path, given):
        try:
            if not folder.is_dir():
                if len(given) == 1:
                    raise UserError(f"There is no directory {folder}: give that of a run, the --out of its training.")
                continue
            inside = [] if is_run(folder) else [path for path in sorted(folder.iterdir()) if path.is_dir()]
            found += [path for path in inside if is_run(path)] or [folder]
            if len(given) == 1 and found == [folder] and not is_run(folder) and any(folder.iterdir()):
                raise UserError(f"{folder} holds no run: give the directory that was the --out of its training.")
        except OSError as error:
            raise UserError(f"{folder} cannot be read: {error.strerror}.") from None
    if not found:
        raise UserError(f"There is no directory among these: {' '.join(given)}.")
    return found


def _watch(runs: Sequence[Watched], options: WatchOptions) -> None:
    """Show the runs, again and again, until they are over or the user has seen enough."""
    console, braille = Console(highlight=False), _braille()
    try:
        if options.once:
            _print(runs, console, braille)
        elif console.is_terminal:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                while True:
                    live.update(_shown(runs, console.width, console.height, braille), refresh=True)
                    if all(run.over for run in runs):
                        break
                    time.sleep(max(0.1, options.every))
            _print(runs, console, braille)
        else:
            _follow(runs, options.every)
    except KeyboardInterrupt:
        pass


def _follow(runs: Sequence[Watched], every: float) -> None:
    """A line for each run whenever something has changed, for files and pipes."""
    said: dict[Path, str] = {}
    while True:
        for seen in runs:
            seen.look()
            if said.get(seen.folder) != (text := line(seen)):
                said[seen.folder] = text
                print(text, flush=True)
        if all(seen.over for seen in runs):
            return
        time.sleep(max(0.1, every))


def _print(runs: Sequence[Watched], console: Console, braille: bool) -> None:
    """All of it once, as large as the terminal or, where there is none, as COLUMNS and LINES say."""
    size = shutil.get_terminal_size()
    shown = _shown(runs, size.columns, size.lines - 1, braille)
    if console.is_terminal:
        console.print(shown)
    else:
        print(shown.plain)


def _shown(runs: Sequence[Watched], width: int, height: int, braille: bool) -> Text:
    for seen in runs:
        seen.look()
    one = runs[0] if len(runs) == 1 else None
    text = Text("\n".join(whole(one, width, height, braille) if one else table(runs, width)[:height]))
    for pattern, hue in HUES.items():
        text.highlight_regex(pattern, hue)
    return text


def _braille() -> bool:
    """Can stdout show it?"""
    try:
        "⠒×┤└─…".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


if __name__ == "__main__":
    run(main)
