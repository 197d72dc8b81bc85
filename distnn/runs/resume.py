"""Going on with a run: which of its options may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from distnn.command_line.arguments import parse
from distnn.errors import UserError
from distnn.runs.directory import RunDirectory
from distnn.runs.options import DATA, NETWORK, TRAINING, Options, flag, group

FIXED = (DATA, NETWORK, TRAINING)  # groups of options that a resumed run keeps
FREE = ("data", "threads", "evaluate_every")  # but for these: a moved file, for example, is known by its fingerprint


def merge(options: Options, arguments: Sequence[str], program: str, about: str) -> Options:
    """The options of the run in options.out, with those that are given now in their place.

    Local: for rank 0. UserError if there is no run, or if an option was given that a run cannot change.
    """
    if options.out is None:
        raise UserError("--resume needs --out, the directory of the run to go on with.")
    path = RunDirectory(options.out).options
    if not path.exists():
        raise UserError(f"--out {options.out} holds no run to resume: {path} is missing.")
    stored = parse(Options, program, about, ["--config", str(path)])
    merged = parse(Options, program, about, arguments, vars(stored))
    for field in fields(merged):
        was, now = getattr(stored, field.name), getattr(merged, field.name)
        if was != now and group(field.name) in FIXED and field.name not in FREE:
            raise UserError(
                f"{flag(field.name)} {_shown(now)} cannot be given at --resume: this run began with "
                f"{_shown(was)}. Begin a new run for it, with another --out."
            )
    return merged


def _shown(value: Any) -> str:
    if value is None:
        return "its default"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
