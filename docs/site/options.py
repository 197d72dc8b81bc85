"""Tables of options, from the dataclasses that flags, TOML files and keywords are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any, get_args

from distnn.declared import Declared, declared

PLACE = re.compile(r"<!-- options: (?P<module>[\w.]+):(?P<kind>\w+)(?: but (?P<other>[\w.]+):(?P<left_out>\w+))? -->")
WORDS = {int: "a whole number", float: "a number", str: "text"}


def filled_in(page: str) -> str:
    """The page with a table where it has <!-- options: module:Dataclass -->. `but module:Other`: without its fields."""

    def tables_of(place: re.Match[str]) -> str:
        left_out = _declared(place["other"], place["left_out"]) if place["other"] else ()
        names = {option.name for option in left_out}
        return tables(option for option in _declared(place["module"], place["kind"]) if option.name not in names)

    return PLACE.sub(tables_of, page)


def tables(options: Iterable[Declared]) -> str:
    """A table for each group of options, in Markdown."""
    groups: dict[str, list[str]] = {}
    for option in options:
        default = "" if option.default in (None, (), "", False) else f" Default: {_code(_text(option.default))}."
        row = f"| {_flag(option)} | {_takes(option)} | {_escaped(option.words)}{default} |"
        groups.setdefault(option.group, []).append(row)
    head = "| option | takes | |\n| --- | --- | --- |\n"
    return "\n\n".join(f"**{group}**\n\n{head}" + "\n".join(rows) for group, rows in groups.items())


def _declared(module: str, kind: str) -> tuple[Declared, ...]:
    return declared(getattr(import_module(module), kind))


def _flag(option: Declared) -> str:
    """The flag that changes something: --no-standardise, since it is done unless one says so."""
    opposite = option.flag.replace("--", "--no-", 1)
    if option.is_switch and option.default is not False:
        return _code(opposite) if option.default else f"{_code(option.flag)} {_code(opposite)}"
    return _code(option.flag) + ", or without the flag" * option.is_positional


def _takes(option: Declared) -> str:
    """What the option takes, in words."""
    if option.is_switch:
        return ""
    if option.choices:
        return ", ".join(map(_code, option.choices))
    kinds = [kind for kind in get_args(option.kind) or (option.kind,) if kind not in (type(None), ...)]
    words = " or ".join(WORDS.get(kind, getattr(kind, "__name__", str(kind))) for kind in kinds)
    return f"{words}, several" if option.takes_several else words


def _text(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _escaped(words: str) -> str:
    return re.sub(r"([|*_<\[\]`])", r"\\\1", words)
