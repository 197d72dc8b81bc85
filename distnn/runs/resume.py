"""Going on with a run: which of its options may change."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from distnn.command_line.arguments import from_toml
from distnn.declared import declared
from distnn.errors import UserError
from distnn.runs.directory import RunDirectory
from distnn.runs.options import DATA, NETWORK, NOT_STORED, SEVERAL, TRAINING, Options, flag, group
from distnn.storage.checkpoint import Found

FIXED = (DATA, NETWORK, TRAINING, SEVERAL)  # groups of options that a resumed run keeps
SEARCH = "Search"  # the group of the options of a search
FREE = (
    "data",
    "threads",
    "evaluate_every",
    "intervals",
    "group_size",
    "total_seconds",
    "out_of_fold",
    "trials",
)  # but for these: a moved file, for example, is known by its fingerprint


def merge(given: Mapping[str, Any], read: Callable[[Sequence[str]], Options]) -> Options:
    """The options of the run in given["out"], with those that are given now, by name, in their place.

    Of a run that ended before it had begun nothing is stored: where they name the table, those given now begin it.

    read: options from arguments. Local: for rank 0. UserError if there is no run, or if an option was given that a run
    cannot change.
    """
    if "out" not in given:
        raise UserError("--resume needs --out, the directory of the run to go on with.")
    directory = RunDirectory(given["out"])
    directory.require_possible()
    path = directory.options
    if not path.exists() and "data" in given:
        return replace(read([]), **given)
    if not path.exists():
        raise UserError(
            f"--out {given['out']} holds no run to resume: {path} is missing. If the run ended before it had begun, "
            "give all of its options again, with --data."
        )
    if path.is_file() and not path.read_bytes().strip():
        raise UserError(
            f"{path} is empty, as a crash or a full disk may leave it: put back the options of this run, or begin a "
            "new one with another --out."
        )
    stored = read(["--config", str(path)])
    merged = replace(stored, **given)
    kind: Any = type(merged)  # that of a search has more
    for option in declared(kind):
        was, now = getattr(stored, option.name), getattr(merged, option.name)
        if was != now and option.group in (*FIXED, SEARCH) and option.name not in FREE:
            raise UserError(
                f"{option.flag} {_shown(now)} cannot be given at --resume: this run began with "
                f"{_shown(was)}. Begin a new run for it, with another --out."
            )
    return merged


def compare(found: Found, now: Options, file: Path, decided: bool = True) -> dict[str, str]:
    """Compare the options of a run with those that its checkpoint, which has a checksum, says it was trained with.

    file: where `now` was read from, for the message. Returns a sentence for each option that may change, and has, by
    its name. decided: False where `now` leaves open what is decided by the data, which is not compared then. Local.
    UserError for one that may not.
    """
    try:
        values = {name.replace("-", "_"): value for name, value in tomllib.loads(found.metadata["options"]).items()}
        was = Options(
            **{field.name: from_toml(values[field.name]) for field in fields(Options) if field.name in values}
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{found.path} does not hold the state of a training.") from None
    sentences = {}
    for field in fields(Options):
        old, new = getattr(was, field.name), getattr(now, field.name)
        if old == new or field.name in NOT_STORED or field.name == "data":  # a file may have moved
            continue
        if new is None and not decided:
            continue
        if field.name == "only" and old is None and was.restarts > 1:  # older versions did not say which one it was
            continue
        if group(field.name) in FIXED and field.name not in FREE:
            raise UserError(
                f"{file} says {flag(field.name)} {_shown(new)}, but {found.path} was trained with {_shown(old)}: "
                "set it back in that file, or begin a new run with another --out."
            )
        before = "not given" if old is None else _shown(old)
        sentences[field.name] = f"{flag(field.name)} is {_shown(new)} from now on; it was {before}."
    return sentences


def _shown(value: Any) -> str:
    if value is None:
        return "its default"
    return " ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
