"""What a tracker is: it takes the numbers of a run, and may fail at any time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distnn.errors import DONE, STOPPED
from distnn.runs import contents

Numbers = Mapping[str, float | None]  # of an iteration by their names, with its t; None is not known


@dataclass
class Course:
    """A run that is tracked.

    folder: the run's directory. options, environment: by their names. t: the iteration where the run goes on, -1 at its
    beginning. memory: what the tracker has to know when the run goes on, for JSON, such as the run's name in a service.
    """

    folder: Path
    options: Mapping[str, Any]
    environment: Mapping[str, Any]
    t: int = -1
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def farm(self) -> str | None:
        """The name of the directory of several runs, if this is one of them."""
        folder = self.folder.resolve()
        return folder.parent.name if contents.is_member(folder) else None

    @property
    def name(self) -> str:
        """What a service is to call the run: its directory, or that of several runs, and its own there."""
        own = self.folder.resolve().name
        return own if self.farm is None else f"{self.farm}/{own}"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. code: the exit code. model: the file, None if there is none, or not yet. result: result.json."""

    code: int
    model: Path | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Did it come to its end?"""
        return self.code == DONE

    @property
    def interrupted(self) -> bool:
        """May it go on?"""
        return self.code == STOPPED


class Tracker(ABC):
    """One run in one service. Its methods are called one after another, on rank 0, in a thread of its own.

    Each may raise anything: it is called again later with the same arguments. most: numbers of so many iterations are
    given at a time.
    """

    most = 500

    @abstractmethod
    def begin(self, course: Course) -> int:
        """Begin the run, or go on with it. Returns the last iteration that is there, -1 if none is."""

    @abstractmethod
    def log(self, rows: Sequence[Numbers]) -> None:
        """Take the numbers of iterations, in their order, each later than all before."""

    @abstractmethod
    def end(self, outcome: Outcome) -> None:
        """The run has ended, or is interrupted."""


def plain(values: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Options or the like for services that know no sequences and no None: these become words. Local."""
    return {
        name: value if isinstance(value, str | int | float | bool) else _words(value)
        for name, value in values.items()
        if value is not None
    }


def known(row: Numbers) -> dict[str, float]:
    """The numbers of an iteration that are known, but for t. Local."""
    return {name: value for name, value in row.items() if value is not None and name != "t"}


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
