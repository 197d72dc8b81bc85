"""What the fields of options have in common: flags, and checks by their annotations."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from distnn.errors import UserError

NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real}


@dataclass(frozen=True)
class AtLeast:
    """In the annotation of a field: its value, if there is one, is a finite number of at least this."""

    least: int


def flag(name: str) -> str:
    """The flag of an option."""
    return "--" + name.replace("_", "-")


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The annotations of a dataclass, resolved, by field."""
    return get_type_hints(kind, include_extras=True)


def check_fields(options: Any) -> None:
    """Raise UserError, one sentence, where a value is not of its field's type, or less than the least. Local."""
    for name, hint in hints(options.__class__).items():
        kind, _, _, *more = get_args(hint)
        limits = [limit for limit in more if isinstance(limit, AtLeast)]
        value, choices = getattr(options, name), _choices(kind)
        if choices and value is not None and value not in choices:
            raise UserError(f"{flag(name)} {value}: choose from {', '.join(choices)}.")
        if not choices and not _fits(value, kind):
            raise UserError(f"{flag(name)} {value!r} is of the wrong kind: give {_words(kind)}.")
        for limit in limits:
            if value is not None and not (value >= limit.least and math.isfinite(value)):
                raise UserError(f"{flag(name)} {value}: give a number of at least {limit.least}.")


def _choices(hint: Any) -> tuple[str, ...]:
    """The values that a type allows, if it lists them."""
    kinds = [kind for kind in (hint, *get_args(hint)) if get_origin(kind) is Literal]
    return get_args(kinds[0]) if kinds else ()


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
    names = [part.__name__ for part in get_args(kind) or (kind,)]
    return " or ".join("None" if name == "NoneType" else name for name in names)
