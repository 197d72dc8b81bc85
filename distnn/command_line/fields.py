"""Do the values of options fit what their fields declare? From Python their types may not, either."""

from __future__ import annotations

import math
import numbers
from typing import Any, get_args, get_origin

from distnn.declared import AtLeast, AtMost, Declared, declared
from distnn.errors import UserError, shown

NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real}
BELOW = 2**63  # are all whole numbers
MOST_DIGITS = 30  # that a message shows


def check_fields(options: Any) -> None:
    """Raise UserError, one sentence, where a value is not of its field's type, or out of its range. Local."""
    for option in declared(options.__class__):
        value = getattr(options, option.name)
        said = value if isinstance(value, str) else shown(value)
        if option.choices and said not in option.choices and not (value is option.default is None):
            raise UserError(f"{option.flag} {said}: choose from {', '.join(option.choices)}.")
        if not option.choices and not _fits(value, option.kind):
            raise UserError(f"{option.flag} {shown(value)} is of the wrong kind: give {_words(option.kind)}.")
        for one in value if isinstance(value, tuple | list) else (value,):
            _check_range(option, one)


def _check_range(option: Declared, value: Any) -> None:
    """UserError for a number, if it is one, that is too small or too large."""
    if isinstance(value, numbers.Integral) and abs(int(value)) >= BELOW:
        shown = f" {value}" if abs(int(value)) < 10**MOST_DIGITS else ""
        raise UserError(f"{option.flag}{shown}: give a number below 2^63 and above -2^63.")
    for limit in option.more if value is not None else ():
        if isinstance(limit, AtLeast) and not limit.least <= value < math.inf:
            raise UserError(f"{option.flag} {value}: give a number of at least {limit.least}.")
        if isinstance(limit, AtMost) and value > limit.most:
            raise UserError(f"{option.flag} {value}: give a number of at most {limit.most}.")


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
