"""What distnn writes into a run's directory, and how it is told from what somebody else has put there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from distnn.storage.files import recognised, sweep

OPTIONS, ENVIRONMENT, METRICS = "options.toml", "environment.json", "metrics.jsonl"
RESULT, MODEL, CHECKPOINTS = "result.json", "model.safetensors", "checkpoints"
TABLE, TENSORBOARD = "metrics.csv", "tensorboard"  # of trackers
TRACKS = "track-*.json"  # what trackers remember
EVENTS = "events.out.tfevents.*"  # in the folder of TensorBoard
FARM, MEMBERS_TABLE, OUT_OF_FOLD = "farm.json", "members.csv", "out-of-fold.csv"  # of several runs
BEST, JOURNAL = "best.toml", "search.journal"  # of a search
STOP, WAITING = "STOP", "waiting"  # the file that a user makes, and the folder of the watchdog's notes
Files = dict[str, Callable[[Path], bool]]  # by their kinds: is it one that distnn has written?
BYTES = 1 << 20  # of a text that are looked at

# Names with a number in them, by what they are; HALF is what a write that was cut off leaves of the file in its name.
HALF, CLAIM, MEMBER, CHECKPOINT, NOTE = "half", "claim", "member", "checkpoint", "note"
TRACK, EVENT = "track", "event"
NUMBERED = {
    CLAIM: r"claim-\d+\.json",
    MEMBER: r"(?:fold|member|restart|trial)-\d{3,}",
    CHECKPOINT: r"checkpoint-\d+\.safetensors",
    NOTE: r"rank-\d+",
    TRACK: r"track-[a-z]+\.json",
    EVENT: r"events\.out\.tfevents\..+",
    HALF: r"\.(.+)\.[a-z0-9_]{8}",
}
NO_RESULTS = (STOP, WAITING, CLAIM, HALF)


def foreign(folder: Path, files: Files | None = None) -> Path | None:
    """The first thing in a run's directory that distnn did not write, or that is damaged; None if there is none."""
    files = FILES if files is None else files
    for path in _entries(folder):
        kind = _kind(path.name)
        if kind in FOLDERS and files is FILES and path.is_dir():
            if found := foreign(path, FOLDERS[kind]):
                return found
        elif not _written(path, files):
            return path
    return None


def left(folder: Path) -> Path | None:
    """The first thing in it that a run has left, None if there is none: claims and requests are nobody's results."""
    return next((path for path in _entries(folder) if _kind(path.name) not in NO_RESULTS), None)


def member(kind: str, number: int) -> str:
    """The name of the directory of one of several runs of a kind."""
    return f"{kind}-{number:03d}"


def is_member(folder: Path) -> bool:
    """Is it called as the directory of one of several runs is?"""
    return _kind(folder.name) == MEMBER


def members(folder: Path) -> list[Path]:
    """The directories of several runs in it, in order; none if there is no such folder."""
    found = [path for path in _entries(folder) if is_member(path) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name.partition("-")[2]))


def clear(folder: Path) -> None:
    """Remove what a run has left; of what distnn did not write, nothing. OSError if something cannot be removed."""
    sweep(folder, *FILES, TRACKS)
    # The options go first: without them nothing is gone on with, and so nothing that is only half there.
    for path in sorted(_entries(folder), key=lambda path: path.name != OPTIONS):
        kind = _kind(path.name)
        if kind == MEMBER:
            clear(path)
        elif kind in (CHECKPOINTS, TENSORBOARD):
            for part in _entries(path):
                if _written(part, FOLDERS[kind]):
                    part.unlink(missing_ok=True)
        elif kind in FILES and kind not in (CLAIM, STOP) and _written(path, FILES):
            path.unlink(missing_ok=True)
        if kind in (MEMBER, CHECKPOINTS, TENSORBOARD):
            with suppress(OSError):  # it holds something else
                path.rmdir()


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing if it is not there."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".nfs"))  # open files, deleted on NFS


def _kind(name: str) -> str:
    return next((kind for kind, pattern in NUMBERED.items() if re.fullmatch(pattern, name)), name)


def _written(path: Path, files: Files) -> bool:
    """Is it one of these files, and written by distnn, or for it? True for what has gone meanwhile."""
    kind = _kind(path.name)
    if half := re.fullmatch(NUMBERED[HALF], path.name):
        return _kind(half[1]) in files
    try:
        return (kind in files and path.is_file() and files[kind](path)) or not path.exists()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return not path.exists()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(BYTES).decode()


def _options(path: Path) -> bool:
    """All options stand in it: more than anybody would write by hand."""
    return {"seed", "dtype", "keep", "check-every"} <= tomllib.loads(_text(path)).keys()


def _json(*names: str) -> Callable[[Path], bool]:
    return lambda path: set(names) <= json.loads(_text(path)).keys()


def _beginning(start: str) -> Callable[[Path], bool]:
    """How its text begins; it may be cut off."""
    return lambda path: _text(path)[: len(start)] in (start, start[: path.stat().st_size])


def _events(path: Path) -> bool:
    """The first event names the format."""
    with path.open("rb") as file:
        return b"brain.Event:" in file.read(64) or path.stat().st_size == 0


# How the files that distnn writes are recognised; an exception means no.
FILES: Files = {
    OPTIONS: _options,
    ENVIRONMENT: _json("numpy", "blas"),
    METRICS: _beginning('{"t": '),
    TABLE: _beginning("t,E_in,"),
    TRACK: _json("tracker"),
    RESULT: _json("t", "E_in", "code"),
    MODEL: recognised,
    FARM: _beginning('{\n  "kind": "'),  # as long as there are members
    MEMBERS_TABLE: _beginning("number,"),
    OUT_OF_FOLD: _beginning("row,fold,"),
    BEST: _options,
    JOURNAL: Path.exists,
    STOP: Path.exists,
    CLAIM: Path.exists,
}
FOLDERS: dict[str, Files] = {
    CHECKPOINTS: {CHECKPOINT: recognised},
    WAITING: {NOTE: Path.exists},
    TENSORBOARD: {EVENT: _events},
    MEMBER: FILES,
}
