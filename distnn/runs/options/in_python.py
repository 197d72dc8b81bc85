"""Sentences for who called from Python: options are written as there, hidden=12, and not as on a command line.

All messages and advice are written with flags, --hidden 12, and turned here into keywords, at the one place where they
leave distnn for a caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from distnn.declared import Declared, declared
from distnn.errors import UserError
from distnn.runs.options.options import Options

# What may follow a flag whose values are words, and is none of them: then the option itself is spoken of.
PROSE = {
    *("a", "an", "and", "another", "any", "are", "as", "at", "can", "cannot", "contradict", "for", "gives"),
    *("has", "have", "holds", "if", "in", "is", "it", "leaves", "makes", "may", "must", "names", "needs"),
    *("of", "on", "or", "out", "read", "said", "says", "takes", "that", "the", "then", "to", "was", "were"),
    *("where", "which", "with", "would"),
}
FLAG = re.compile(
    r"(?P<before>\b(?:[Aa]dd|[Gg]ive|[Ss]ay|by) )?(?<![\w-])--(?P<no>no-)?(?P<name>[a-z][a-z0-9-]*)"
    r"(?P<value>(?:(?: |=)(?!--)(?:'[^']*'|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|[^\s,;:()]+))*)"
)
TOKEN = re.compile(r"[ =]('[^']*'|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|[^\s,;:()]+)")
ASIDE = re.compile(r" \(--([a-z][a-z0-9-]*)[^()]*\)")
QUOTE = "'"
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf|nan")
PYTHON = re.compile(rf"['\[({{].*|None|True|False|{NUMBER.pattern}")  # is written as in Python already


def in_python(text: str, names: Mapping[str, str]) -> str:
    """The text with the options that are in `names`, by what they are called there; other flags stay what they are.

    An aside, in parentheses, on an option that is not there is left out.
    """

    def aside(found: re.Match[str]) -> str:
        return found[0] if found[1].replace("-", "_") in names else ""

    return FLAG.sub(lambda found: _keyword(found, names), ASIDE.sub(aside, text))


def speaking_python(error: UserError, names: Mapping[str, str]) -> UserError:
    """The same error with its sentence `in_python`."""
    return type(error)(in_python(str(error), names))


def _keyword(found: re.Match[str], names: Mapping[str, str]) -> str:
    """A flag, and what stands after it, in Python."""
    option = _options().get(found["name"].replace("-", "_"))
    if option is None or option.name not in names:
        return found[0]
    name, before, rest = names[option.name], found["before"] or "", found["value"]
    if found["no"]:
        return f"{before}{name}=False{rest}"
    values: list[str] = []
    places = list(TOKEN.finditer(rest))
    for place in places:
        value, dot = _without_dot(place[1])
        is_value = _is_value(value, option) or (not values and rest[place.end() :] == "" and _colon(found, value))
        if not is_value:
            break
        values.append(value)
        if dot or not option.takes_several or not NUMBER.fullmatch(value):
            break
    if not values:
        return f"{before}{name}{'=True' if before and option.is_switch else ''}{rest}"
    end = places[len(values) - 1].end() - len(_without_dot(places[len(values) - 1][1])[1])
    return f"{before}{name}={_written(values, option)}{rest[end:]}"


@cache
def _options() -> dict[str, Declared]:
    return {option.name: option for option in declared(Options)}


def _colon(found: re.Match[str], value: str) -> bool:
    """Is what stands before a colon a value, if a wrong one?"""
    return found.string[found.end() :].startswith(":") and value not in PROSE


def _without_dot(token: str) -> tuple[str, str]:
    """A token without the full stop that ends a sentence, and that."""
    return (token[:-1], ".") if token.endswith(".") and len(token) > 1 else (token, "")


def _is_value(token: str, option: Declared) -> bool:
    """Is what follows a flag a value of the option?"""
    if PYTHON.fullmatch(token) and not NUMBER.fullmatch(token):
        return True
    if _holds(int, option.kind) or _holds(float, option.kind):
        return bool(NUMBER.fullmatch(token))
    if option.choices:
        return token in option.choices
    return _holds(str, option.kind) and token not in PROSE


def _holds(wanted: type, kind: Any) -> bool:
    return kind is wanted or any(_holds(wanted, part) for part in get_args(kind))


def _written(values: list[str], option: Declared) -> str:
    """The values as Python writes them."""
    shown = [value if PYTHON.fullmatch(value) else repr(value) for value in values]
    if not option.takes_several or shown[0][0] in "[({":
        return shown[0]
    if _holds(str, option.kind):
        return f"[{', '.join(value if value.startswith(QUOTE) else repr(value) for value in values)}]"
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"
