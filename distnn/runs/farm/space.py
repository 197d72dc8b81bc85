"""What a search tries: options with the values that they may have, as a user writes them.

hidden=8,16x16     one of these values; x, or a space in quotes, stands between the widths of several layers
eta=0.01..1        anything in between: evenly by logarithm where both are above 0 and a factor of 10 or more apart
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any, get_args

from distnn.command_line.arguments import apart
from distnn.declared import Declared, declared
from distnn.errors import UserError
from distnn.runs.options import NETWORK, SETTINGS, STOPPING, TRAINING, Options
from distnn.streams import stream

GROUPS = (NETWORK, TRAINING, STOPPING, SETTINGS)
MORE = ("inputs", "ignore", "impute", "transform", "class_weights", "standardise", "standardise_targets")
NOT = ("seed", "start", "threads")
DECADE = 10.0


@dataclass(frozen=True)
class Dimension:
    """An option, and what it may be: one of `values`, or a number from low to high."""

    option: Declared
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_whole(self) -> bool:
        return int in (self.option.kind, *get_args(self.option.kind))

    @property
    def by_logarithm(self) -> bool:
        return self.low > 0 and self.high >= DECADE * self.low

    def at(self, u: float) -> Any:
        """The value at a place u between 0 and 1."""
        if self.values:
            return self.values[min(int(u * len(self.values)), len(self.values) - 1)]
        if self.by_logarithm:
            found = self.low * (self.high / self.low) ** u
        else:
            found = self.low + u * (self.high - self.low)
        return round(found) if self.is_whole else found


def dimensions(words: Sequence[str], flag: str) -> tuple[Dimension, ...]:
    """What these words of the option `flag` say. Local. UserError for what they cannot mean."""
    found = tuple(_dimension(word, flag) for word in words)
    names = [dimension.option.name for dimension in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{flag} names {name} twice: give all of its values in one, as {name}=A,B.")
    return found


def grid(of: Sequence[Dimension]) -> list[dict[str, Any]]:
    """All combinations of values, by option; the last one changes first. UserError for a range."""
    for dimension in of:
        if not dimension.values:
            raise UserError(f"--grid takes values, not ranges: give {dimension.option.name}=A,B, or take --space.")
    names = [dimension.option.name for dimension in of]
    return [dict(zip(names, values, strict=True)) for values in product(*(dimension.values for dimension in of))]


def draw(of: Sequence[Dimension], seed: int, number: int) -> dict[str, Any]:
    """The values of trial `number`, drawn at random: they depend on the seed and the number alone."""
    places = stream(seed, "search", number).random(len(of))
    return {dimension.option.name: dimension.at(u) for dimension, u in zip(of, places.tolist(), strict=True)}


def _can_vary(option: Declared) -> bool:
    return option.name not in NOT and (option.group in GROUPS or option.name in MORE)


def _dimension(word: str, flag: str) -> Dimension:
    name, equals, text = word.partition("=")
    name = name.removeprefix("--").replace("-", "_")
    options = {option.name: option for option in declared(Options)}
    if not equals or not text:
        raise UserError(f"{flag} {word}: give OPTION=VALUE,VALUE or OPTION=LOW..HIGH.")
    option = options.get(name)
    if option is None or not _can_vary(option):
        near = get_close_matches(name, [each for each in options if _can_vary(options[each])], n=1, cutoff=0.7)
        hint = f"; did you mean {near[0].replace('_', '-')}?" if near else "."
        raise UserError(f"{flag} {word}: {name.replace('_', '-')} is no option that a search can vary{hint}")
    low, dots, high = text.partition("..")
    if dots:
        if not {int, float} & {option.kind, *get_args(option.kind)}:
            raise UserError(f"{flag} {word}: a range is for options that take one number; give values, {name}=A,B.")
        ends = tuple(_value(option, end, float, flag, word) for end in (low, high))
        if not all(map(math.isfinite, ends)):
            raise UserError(f"{flag} {word}: give two finite numbers.")
        if not ends[0] < ends[1]:
            raise UserError(f"{flag} {word}: the lower end comes first.")
        return Dimension(option, low=ends[0], high=ends[1])
    values = tuple(_read(option, value, flag, word) for value in text.split(","))
    if len(set(values)) < len(values):
        raise UserError(f"{flag} {word} has a value twice: give each of them once.")
    return Dimension(option, values=values)


def _read(option: Declared, text: str, flag: str, word: str) -> Any:
    """A value, of the option's kind."""
    if option.takes_several:
        item = int if int in _parts(option.kind) else str
        parts = apart(text) if item is int else text.split("+")
        return tuple(_value(option, part, item, flag, word) for part in parts)
    if option.is_switch:
        if text not in ("true", "false"):
            raise UserError(f"{flag} {word}: {option.name} is true or false.")
        return text == "true"
    kinds = {option.kind, *get_args(option.kind)}
    return _value(option, text, int if int in kinds else float if float in kinds else str, flag, word)


def _parts(kind: Any) -> set[Any]:
    """A type and all that it is made of."""
    return {kind}.union(*map(_parts, get_args(kind)))


def _value(option: Declared, text: str, kind: type, flag: str, word: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{flag} {word}: {text!r} is no value of {option.flag}.") from None
