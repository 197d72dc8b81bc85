"""What --help prints: the options of a command, by their groups.

The library that reads options has a help of its own; to make it takes longer than all else that --help needs.
"""

from __future__ import annotations

import shutil
from textwrap import fill, wrap
from typing import get_args

from distnn.declared import Declared, declared

WIDEST = 100  # columns of text
EXAMPLES = "\n\nExamples:\n"  # in the words about a program: what follows is put at the end, a command a line
MARGIN = 30  # columns before the words of an option
OTHERS = (
    ("--config FILE", "TOML file of options; flags win."),
    ("--help, -h", "Print this, and do nothing else."),
)


def help_text(kind: type, program: str, about: str) -> str:
    """The help of a program whose options are the dataclass `kind`, for the width of the terminal. Local."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    groups: dict[str, list[tuple[str, str]]] = {}
    places = ""
    for option in declared(kind):
        groups.setdefault(option.group, []).append((_flags(option), _words(option)))
        if option.is_positional:
            places += f" [{option.name.upper()}{'...' if option.takes_several else ''}]"
    groups["Help and files of options"] = list(OTHERS)
    about, _, examples = about.partition(EXAMPLES)
    parts = [f"Usage: {program}{places} [OPTIONS]", *(fill(paragraph, width) for paragraph in about.split("\n\n"))]
    for group, options in groups.items():
        parts.append(f"{group}:\n" + "\n".join(_paragraph(flags, words, width) for flags, words in options))
    if examples:
        parts.append("Examples:\n" + "\n".join(f"  {line}" for line in examples.splitlines()))
    return "\n\n".join(parts)


def _flags(option: Declared) -> str:
    """How an option is given: --hidden INT..., --header --no-header."""
    if option.is_switch:
        return f"{option.flag} --no-{option.flag.removeprefix('--')}"
    kind = next(iter(get_args(option.kind)), option.kind)
    value = "CHOICE" if option.choices else kind.__name__.upper()
    return f"{option.flag} {value}{'...' if option.takes_several else ''}"


def _words(option: Declared) -> str:
    """What an option means, what can be chosen, and its default, unless the words say it."""
    words = option.words
    if option.choices:
        words += f" [choices: {', '.join(option.choices)}]"
    several = option.takes_several and option.default is not None
    default = " ".join(map(str, option.default)) if several else option.default
    if default not in (None, "") and not option.is_switch:
        words += f" [{default}]"
    return words


def _paragraph(flags: str, words: str, width: int) -> str:
    """An option in lines: its flags, and beside or below them its words."""
    margin = " " * MARGIN
    lines = wrap(words, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
    first = f"  {flags}"
    if len(first) < MARGIN - 1:
        lines[0] = first + lines[0][len(first) :]
        return "\n".join(lines)
    return "\n".join([first, *lines])
