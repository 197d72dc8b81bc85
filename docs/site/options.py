"""Tables of options, from the dataclasses that flags, TOML files and keywords are made of."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from typing import Any, Literal, get_args, get_origin, get_type_hints

PLACE = re.compile(r"<!-- options: (?P<module>[\w.]+):(?P<kind>\w+)(?: but (?P<other>[\w.]+):(?P<left_out>\w+))? -->")


def filled_in(page: str) -> str:
    """The page with a table where it has <!-- options: module:Dataclass -->. `but module:Other`: without its fields."""

    def tables_of(place: re.Match[str]) -> str:
        left_out = _fields(place["other"], place["left_out"]) if place["other"] else {}
        fields = _fields(place["module"], place["kind"])
        return tables({name: field for name, field in fields.items() if name not in left_out})

    return PLACE.sub(tables_of, page)


def tables(fields: dict[str, tuple[Any, Any]]) -> str:
    """A table for each group of options, in Markdown. fields: annotation and default, by name."""
    groups: dict[str, list[str]] = {}
    for name, (hint, default) in fields.items():
        kind, group, words, *_ = get_args(hint)
        shown = "" if default in (None, (), "", False) else f" Default: {_code(_text(default))}."
        row = f"| {_code(_flag(name, kind, default))} | {_kind(kind)} | {_escaped(words)}{shown} |"
        groups.setdefault(group, []).append(row)
    head = "| option | takes | |\n| --- | --- | --- |\n"
    return "\n\n".join(f"**{group}**\n\n{head}" + "\n".join(rows) for group, rows in groups.items())


def _fields(module: str, kind: str) -> dict[str, tuple[Any, Any]]:
    options = getattr(import_module(module), kind)
    hints = get_type_hints(options, include_extras=True)
    return {field.name: (hints[field.name], field.default) for field in dataclasses.fields(options)}


def _flag(name: str, kind: Any, default: Any) -> str:
    """The flag that changes something: --no-standardise, since it is done unless one says so."""
    word = name.replace("_", "-")
    if bool not in (kind, *get_args(kind)):
        return f"--{word}"
    return {True: f"--no-{word}", False: f"--{word}"}.get(default, f"--{word}, --no-{word}")


def _kind(kind: Any) -> str:
    """What the option takes, in words."""
    if get_origin(kind) is tuple:
        return f"{_kind(get_args(kind)[0])}, several"
    parts = [part for part in get_args(kind) if part is not type(None)] or [kind]
    if get_origin(kind) is Literal or get_origin(parts[0]) is Literal:
        values = get_args(kind if get_origin(kind) is Literal else parts[0])
        return ", ".join(_code(str(value)) for value in values)
    words = {int: "a whole number", float: "a number", str: "text", bool: ""}
    return " or ".join(words.get(part, getattr(part, "__name__", str(part))) for part in parts)


def _text(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else f"{default}"


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _escaped(words: str) -> str:
    return re.sub(r"([|*_<\[\]`])", r"\\\1", words)
