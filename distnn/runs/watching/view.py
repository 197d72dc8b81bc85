"""A run in the lines of a terminal: what is known of it, and its curves; or a line of it beside other runs."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distnn.runs import contents
from distnn.runs.reports.sentences import duration
from distnn.runs.watching.curve import draw
from distnn.runs.watching.log import Log
from distnn.runs.watching.state import NONE, OVER, RUNNING, State, look
from distnn.words import rounded

INDENT = 12  # characters of the names of facts
LIMITS = {"t": "max_iterations", "seconds": "max_seconds", "evaluations": "max_evaluations"}
NARROW = 64  # characters: a table of runs leaves out some columns


class Watched:
    """A run that is looked at again and again."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log = Log(folder)
        self.state = State(NONE)
        self.member = ""  # of several runs, the newest one, whose course is shown

    def look(self) -> None:
        """See what it is doing now."""
        try:
            self.state = look(self.folder)
            if begun := contents.members(self.folder):
                if begun[-1] != self.log.path.parent:
                    self.log = Log(begun[-1])
                over = sum((own / contents.RESULT).exists() for own in begun)
                self.member = f"{begun[-1].name}, the newest; {len(begun):,} begun, {over:,} finished"
            self.log.read()
            if self.member and self.state.checkpoint is None:
                self.state = State(**{**vars(self.state), "checkpoint": look(self.log.path.parent).checkpoint})
        except OSError as error:
            self.state = State(NONE, f"{error.filename or self.folder} cannot be read: {error.strerror}")

    @property
    def over(self) -> bool:
        """Will nothing more come?"""
        return self.state.kind in OVER

    @property
    def silence(self) -> float:
        """Seconds since the log has grown."""
        with suppress(OSError):
            return max(0.0, time.time() - self.log.path.stat().st_mtime)
        return 0.0


def whole(run: Watched, width: int, height: int, braille: bool = True) -> list[str]:
    """All of a run, in so many characters of so many lines."""
    lines = [str(run.folder)[:width]]
    for name, value in _facts(run):
        for number, part in enumerate(textwrap.wrap(value, max(10, width - INDENT))):
            lines.append(f"{'' if number else name:<{INDENT}}{part}")
    curve = draw(run.log.curve(), width, height - len(lines) - 1, braille)
    if curve:
        seen = any(math.isfinite(E_val) for _, _, E_val in run.log.points)
        dots, cross = ("⠒⠒", "××") if braille else ("**", "xx")
        curve.append(f"{dots} E_in" + (f"  {cross} E_val" if seen else ""))
    return [text[:width] for text in [*lines, *curve][:height]]


def table(runs: Sequence[Watched], width: int) -> list[str]:
    """A line for each run, below their names."""
    wanted = ["state", "t", "E_in", "left"] if width < NARROW else ["state", "t", "E_in", "E_val", "rate", "left"]
    rows = [wanted, *([_short(run)[name] for name in wanted] for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = max(4, width - sum(widths) - 2 * len(widths))
    names = ["run", *(str(run.folder) for run in runs)]
    longest = min(room, max(map(len, names)))
    lines = []
    for name, row in zip(names, rows, strict=True):
        shown = name if len(name) <= longest else f"…{name[1 - longest :]}"
        lines.append(
            "  ".join([f"{shown:<{longest}}", *(f"{v:<{w}}" for v, w in zip(row, widths, strict=True))])[:width]
        )
    return [line.rstrip() for line in lines]


def line(run: Watched) -> str:
    """A line of one run, for a file that grows."""
    short = _short(run)
    return f"{run.folder}: {short['state']}, " + ", ".join(
        f"{name} {value}" for name, value in short.items() if value and name != "state"
    )


def _facts(run: Watched) -> list[tuple[str, str]]:
    state, last = run.state, run.log.last
    facts = [("state", f"{state.kind}{', ' if state.words else ''}{state.words}")]
    if run.member:
        facts.append(("run", run.member))
    if last is None:
        if state.kind == RUNNING:
            facts.append(("t", "no iteration yet: it reads the data"))
        return facts
    facts.append(("t", _progress(run, last)))
    facts.append(("E_in", _digits(last.get("E_in")) + _also("|G|", last.get("gradient_norm"))))
    if (E_val := last.get("E_val")) is not None:
        t, lowest = min(((t, E) for t, _, E in run.log.curve() if math.isfinite(E)), key=lambda point: point[1])
        facts.append(("E_val", f"{_digits(E_val)}, the lowest about {_digits(lowest)} at t {t:,}"))
    facts.append(("time", _span(last.get("seconds") or 0.0) + _left_words(run)))
    if state.kind == RUNNING and run.silence > 60:
        facts.append(("log", f"nothing new for {_span(run.silence)}"))
    if state.checkpoint is not None:
        t, age = state.checkpoint
        facts.append(("checkpoint", f"t {t:,}, {_span(age)} ago"))
    if (shares := run.log.communication) is not None:
        least, most = (100 * share for share in shares)
        facts.append(("waiting", f"{least:.1f} to {most:.1f} % of the ranks' time, in communication"))
    if state.late:
        facts.append(("late", f"the watchdog notes {state.late} ranks in {run.folder / 'waiting'}"))
    return facts


def _progress(run: Watched, last: Mapping[str, Any]) -> str:
    most = run.state.options.get("max-iterations")
    words = f"{last['t']:,}" + (f" of {most:,}" if isinstance(most, int) else "")
    if math.isfinite(rate := run.log.rate("t")) and rate > 0:
        words += f", {rate:.3g} a second"
    return words + _also("examples/s", last.get("examples_per_second"), after=True)


def _left(run: Watched) -> tuple[float, str]:
    """Seconds until the first of the limits that were given, and its name; NaN if there is none, or none is known."""
    found = []
    for name, option in LIMITS.items():
        most, last = run.state.options.get(option.replace("_", "-")), run.log.last
        rate = 1.0 if name == "seconds" else run.log.rate(name)
        if isinstance(most, int | float) and most > 0 and last and rate > 0:
            seconds = (most - (last.get(name) or 0.0)) / rate - run.silence
            found.append((max(0.0, seconds), f"--{option.replace('_', '-')}"))
    return min(found, default=(math.nan, ""))


def _left_words(run: Watched) -> str:
    seconds, limit = _left(run)
    if run.state.kind != RUNNING or not math.isfinite(seconds):
        return ""
    return f", at most {_span(seconds)} left ({limit})"


def _short(run: Watched) -> dict[str, str]:
    """The columns of a table."""
    last = run.log.last or {}
    most, (seconds, _) = run.state.options.get("max-iterations"), _left(run)
    rate = run.log.rate("t")
    running = run.state.kind == RUNNING
    return {
        "state": run.state.kind,
        "t": (f"{last['t']:,}" if last else "") + (f"/{most:,}" if last and isinstance(most, int) else ""),
        "E_in": _digits(last.get("E_in"), 4),
        "E_val": _digits(last.get("E_val"), 4),
        "rate": f"{rate:.3g}/s" if running and math.isfinite(rate) else "",
        "left": _span(seconds) if running and math.isfinite(seconds) else "",
    }


def _span(seconds: float) -> str:
    """Whole seconds in words; the clocks of two hosts may differ, and nothing is before now."""
    return f"{max(0.0, seconds):.0f} s" if seconds < 59.5 else duration(round(seconds))


def _digits(value: float | None, digits: int = 6) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _also(name: str, value: float | None, after: bool = False) -> str:
    if value is None:
        return ""
    return f", {rounded(value)} {name}" if after else f", {name} {value:.3g}"
