"""What a run is doing: it trains, has ended, was killed. By its claim, its result and the files beside them."""

from __future__ import annotations

import json
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distnn.errors import DONE, STOPPED
from distnn.runs import contents, owner
from distnn.runs.claim import PATTERN, SHORT_SILENCE, SILENCE
from distnn.storage.checkpoint import Checkpoints, iteration
from distnn.words import many

NONE, WAITING, RUNNING, ENDED, INTERRUPTED, FAILED, KILLED, LEFT = (
    *("no run", "not begun", "running", "ended", "interrupted", "failed", "killed", "not running"),
)
OVER = (NONE, ENDED, INTERRUPTED, FAILED, KILLED, LEFT)  # nothing more will come


@dataclass(frozen=True)
class State:
    """kind: one of the words above. words: the rest of the sentence. options, result: what the files hold, or nothing.

    checkpoint: the iteration of the newest one and its age in seconds, None if there is none. late: ranks that the
    watchdog has noted.
    """

    kind: str
    words: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    checkpoint: tuple[int, float] | None = None
    late: int = 0


def is_run(folder: Path) -> bool:
    """Is there a run in it, or one that is about to begin?"""
    return (folder / contents.OPTIONS).exists() or any(folder.glob(PATTERN)) or (folder / contents.METRICS).exists()


def look(folder: Path) -> State:
    """The state of the run in this folder, now. OSError if it cannot be read."""
    if not folder.is_dir():
        return State(NONE, "there is no such directory")
    if not is_run(folder):
        return State(WAITING, "") if not any(folder.iterdir()) else State(NONE, "the directory holds something else")
    options = _toml(folder / contents.OPTIONS)
    result = _json(folder / contents.RESULT) or _of_several(_json(folder / contents.FARM, most=-1))
    kind, words = _claimed(folder) or _unclaimed(result, options)
    late = len(list((folder / contents.WAITING).glob("rank-*")))
    return State(kind, words, options, result, _checkpoint(folder), late)


def _claimed(folder: Path) -> tuple[str, str] | None:
    """What the claim says, None if there is none."""
    for path in sorted(folder.glob(PATTERN), key=lambda path: (len(path.name), path.name), reverse=True):
        try:
            found, age = owner.read(path.read_text(errors="replace")), time.time() - path.stat().st_mtime
        except FileNotFoundError:  # given back meanwhile
            continue
        who, runs = str(found or "another version of distnn"), found.runs() if found else None
        if runs:
            return RUNNING, who
        silence = SILENCE if runs is None else SHORT_SILENCE if found and found.elastic else 0.0
        if age < silence:
            return RUNNING, who
        return KILLED, f"{who}; go on by --resume" if not runs else who
    return None


def _unclaimed(result: dict[str, Any], options: dict[str, Any]) -> tuple[str, str]:
    code = result.get("code")
    if code is None:
        return (LEFT, "it did not come to its end; go on by --resume") if options else (WAITING, "")
    text = str(result.get("text", ""))
    if code == STOPPED:
        return INTERRUPTED, f"with code {code}: {text}; go on by --resume"
    return (ENDED if code == DONE else FAILED), f"with code {code}: {text}"


def _checkpoint(folder: Path) -> tuple[int, float] | None:
    for path in Checkpoints(folder / contents.CHECKPOINTS, keep=2).paths():
        with suppress(OSError):  # it was removed meanwhile
            return iteration(path), time.time() - path.stat().st_mtime
    return None


def _toml(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        return tomllib.loads(file.read(contents.BYTES).decode())
    return {}


def _of_several(farm: dict[str, Any]) -> dict[str, Any]:
    """What several runs came to, as the result of one."""
    members = farm.get("members")
    if not isinstance(members, list) or "code" not in farm:
        return {}
    return {"code": farm["code"], "text": f"{many(len(members), str(farm.get('kind', 'run')))}"}


def _json(path: Path, most: int = contents.BYTES) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        found = json.loads(file.read(most))
        return found if isinstance(found, dict) else {}
    return {}
