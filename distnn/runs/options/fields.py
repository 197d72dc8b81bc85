"""What the fields of options have in common: flags, and checks by their annotations."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from distnn.declared import declared
from distnn.errors import UserError

NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real}


@dataclass(frozen=True)
class AtLeast:
    """In the annotation of a field: its value, if there is one, is a finite number of at least this."""

    least: int


def flag(name: str) -> str:
    """The flag of an option."""
    return "--" + name.replace("_", "-")


def check_fields(options: Any) -> None:
    """Raise UserError, one sentence, where a value is not of its field's type, or less than the least. Local."""
    for option in declared(options.__class__):
        name, kind, choices = option.name, option.kind, option.choices
        limits = [limit for limit in option.more if isinstance(limit, AtLeast)]
        value = getattr(options, name)
        if choices and value is not None and value not in choices:
            raise UserError(f"{flag(name)} {value}: choose from {', '.join(choices)}.")
        if not choices and not _fits(value, kind):
            raise UserError(f"{flag(name)} {value!r} is of the wrong kind: give {_words(kind)}.")
        for limit in limits:
            if value is not None and not (value >= limit.least and math.isfinite(value)):
                raise UserError(f"{flag(name)} {value}: give a number of at least {limit.least}.")


def _fits(value: Any, kind: Any) -> bool:
    """Is the value of this type, or as good as? From the command line it is; from Python it need not be."""
    if get_origin(kind) is tuple:
        return isinstance(value, tuple | list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if get_args(kind):
        return any(_fits(value, part) for part in get_args(kind))
    if kind in NUMBERS:
        return isinstance(value, NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, kind)


def _words(kind: Any) -> str:
    """A type in words."""
    if get_origin(kind) is tuple:
        return f"a sequence of {get_args(kind)[0].__name__}"
    if get_origin(get_args(kind)[0] if get_args(kind) else None) is tuple:
        return f"{_words(get_args(kind)[0])} or None"
    names = [part.__name__ for part in get_args(kind) or (kind,)]
    return " or ".join("None" if name == "NoneType" else name for name in names)
