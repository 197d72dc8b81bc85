"""Options as they are declared: the fields of a dataclass, each annotated with its type, a group and words for --help.

hidden: Annotated[tuple[int, ...], "Network", "Widths of the hidden layers."] = (16, 16)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints


class Positional:
    """In the annotation of a field, whose values are given without its flag, too."""


@dataclass(frozen=True)
class AtLeast:
    """In the annotation of a field: its value, or each of several, if there is one, is a number of at least this."""

    least: int


@dataclass(frozen=True)
class AtMost:
    """In the annotation of a field: its value, or each of several, if there is one, is a number of at most this."""

    most: int


LENGTH = AtMost(2**40)  # of what is held: more than any computer has memory for, and less than NumPy can count
TRAININGS = AtMost(10**6)  # each has a folder, and a row in a table


def flag(name: str) -> str:
    """The flag of an option of this name."""
    return "--" + name.replace("_", "-")


class Declared(NamedTuple):
    """An option: its name and type, the group and the words of --help, what else its annotation says, its default."""

    name: str
    kind: Any
    group: str
    words: str
    more: tuple[Any, ...]
    default: Any

    @property
    def flag(self) -> str:
        return flag(self.name)

    @property
    def is_positional(self) -> bool:
        return any(isinstance(item, Positional) for item in self.more)

    @property
    def is_switch(self) -> bool:
        """Is it given by its flag alone, or by that with --no- in front?"""
        return bool in (self.kind, *get_args(self.kind))

    @property
    def takes_several(self) -> bool:
        """Does it take any number of values?"""
        return any(get_origin(kind) is tuple for kind in (self.kind, *get_args(self.kind)))

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that its type allows, if it lists them."""
        kinds = [kind for kind in (self.kind, *get_args(self.kind)) if get_origin(kind) is Literal]
        return get_args(kinds[0]) if kinds else ()


@cache
def declared(options: type) -> tuple[Declared, ...]:
    """The options of a dataclass, in its order."""
    hints = get_type_hints(options, include_extras=True)
    found = []
    for field in fields(options):
        kind, group, words, *more = get_args(hints[field.name])
        found.append(Declared(field.name, kind, group, words, tuple(more), field.default))
    return tuple(found)
