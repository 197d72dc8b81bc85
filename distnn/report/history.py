"""What the directory of a run says of its course: options, environment, records, the result, as far as they exist."""

from __future__ import annotations

import json
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distnn.errors import STOPPED
from distnn.runs import contents, owner
from distnn.runs.claim import PATTERN
from distnn.runs.metrics import number
from distnn.training.record import Record


@dataclass
class History:
    """The course of one run, local. Each part is empty where the directory does not have it.

    records: arrays (iterations logged,) of the quantities of a Record, by name, float64. communication: where it was
    logged, t, and the least and the most share of the time that a rank spent in it, (lines, 3). lacking: what is not
    there, in sentences. members: the runs of several, of a cross-validation, say, that are in this directory.
    """

    path: Path
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    records: dict[str, np.ndarray] = field(default_factory=dict)
    communication: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    result: dict[str, Any] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    members: list[History] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the run is called in figures."""
        return str(self.path)

    def of(self, quantity: str) -> np.ndarray:
        """A quantity of all records; NaN where it was not finite, or is not known."""
        return self.records.get(quantity, np.full(len(self.records.get("t", ())), np.nan))

    @property
    def kept(self) -> int | None:
        """The place among the records of the weights that were kept, or would be if the run ended now."""
        t = self.of("t")
        if not len(t):
            return None
        best = self.result.get("best_t")
        if best is not None:
            found = np.flatnonzero(t == best)
            return int(found[0]) if len(found) else None
        E_val = self.of("E_val")
        return int(np.nanargmin(E_val)) if np.isfinite(E_val).any() else len(t) - 1


def read_history(path: Path) -> History:
    """What a directory holds of a run, or of several runs in it. Local. Nothing that it lacks is an error."""
    found = History(path)
    if not path.is_dir():
        found.lacking.append(
            f"{path} is the file of a model, not the directory of a run: the course of its training is not known."
        )
        return found
    found.options = _read(found, contents.OPTIONS, tomllib.loads, "the options are not known")
    found.environment = _read(found, contents.ENVIRONMENT, json.loads, "the environment is not known")
    found.members = [read_history(own) for own in contents.members(path)]
    if found.members:
        return found
    found.records, found.communication = _log(found)
    found.result = _read(found, contents.RESULT, json.loads, _why_unfinished(path))
    if found.result.get("code") == STOPPED:
        found.lacking.append(
            f"The run was stopped before its end ({found.result.get('text')}): --resume goes on with it."
        )
    return found


def _why_unfinished(path: Path) -> str:
    """Why there is no result: the run goes on, or was broken off."""
    owners = []
    for claim in path.glob(PATTERN):
        with suppress(OSError):  # its job has just ended
            owners.append(owner.read(claim.read_text(errors="replace")))
    if any(found is not None and found.runs() is not False and not found.is_over() for found in owners):
        return "the run is still going, and what is shown is how far it has come"
    return "the run has not come to its end: --resume goes on with it"


def _read(history: History, name: str, load: Any, without: str) -> dict[str, Any]:
    """The file's contents; none, and a sentence that says so, where it cannot be read."""
    path = history.path / name
    try:
        values = load(path.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return values
        why = f"{path} is damaged"
    except OSError:
        why = f"There is no {path}"
    except (ValueError, RecursionError):
        why = f"{path} is damaged"
    history.lacking.append(f"{why}: {without}.")
    return {}


def _log(history: History) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Records and communication; lines that are damaged, or half there as the last one may be, are left out."""
    path = history.path / contents.METRICS
    rows, communication, damaged = [], [], 0
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    record = json.loads(line)
                    rows.append([number(record.get(name)) for name in Record.__slots__])
                    if shares := record.get("communication"):
                        least, most = shares
                        communication.append((rows[-1][0], number(least), number(most)))
                except (ValueError, TypeError, AttributeError, RecursionError):
                    damaged += line.endswith("\n")
    except OSError:
        history.lacking.append(f"There is no {path}: the course of the training is not known.")
        return {}, history.communication
    if damaged:
        history.lacking.append(f"{damaged:,} lines of {path} are damaged, and left out.")
    if not rows:
        history.lacking.append(f"{path} has no records yet.")
        return {}, history.communication
    records = dict(zip(Record.__slots__, np.array(rows, float).T, strict=True))
    return records, np.array(communication).reshape(-1, 3)
