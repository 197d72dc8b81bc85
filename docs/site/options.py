"""The tables of options, of all commands, from the dataclasses that flags, TOML files and keywords are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, get_args

from distnn.__main__ import COMMANDS
from distnn.declared import Declared, declared
from distnn.runs.options import Options

PLACE = "<!-- options of all commands -->"
WORDS = {int: "a whole number", float: "a number", str: "text"}


def filled_in(page: str) -> str:
    """The page with a section for each command where it has PLACE."""
    if PLACE not in page:
        return page
    return page.replace(PLACE, "\n\n".join(section(command, about) for command, about in COMMANDS.items()))


def section(command: str, about: str) -> str:
    """A command, what it does, and its options, in Markdown."""
    kind = options_of(command)
    title = f"## {command.capitalize()}\n\n`distnn {command}`: {about}."
    if not issubclass(kind, Options) or kind is Options:
        return f"{title}\n\n{tables(declared(kind))}"
    of_training = {option.name for option in declared(Options)}
    own = [option for option in declared(kind) if option.name not in of_training]
    return f"{title} It takes the options of [a training](#train), and these.\n\n{tables(own)}"


def options_of(command: str) -> type:
    """The dataclass of a command's options: the one called so in its module, or those of a training."""
    name = f"distnn.{command}"
    spec = find_spec(name)
    module = import_module(f"{name}.__main__" if spec and spec.submodule_search_locations else name)
    return getattr(module, f"{command.capitalize()}Options", None) or module.Options


def tables(options: Iterable[Declared]) -> str:
    """A table for each group of options, in Markdown."""
    groups: dict[str, list[str]] = {}
    for option in options:
        default = "" if option.default in (None, (), "", False) else f" Default: {_code(_text(option.default))}."
        row = f"| {_flag(option)} | {_takes(option)} | {_escaped(option.words)}{default} |"
        groups.setdefault(option.group, []).append(row)
    head = "| option | takes | |\n| --- | --- | --- |\n"
    return "\n\n".join(f"**{group}**\n\n{head}" + "\n".join(rows) for group, rows in groups.items())


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
