"""A batch script for one training: that of its system, with the two lines filled in that say "edit these"."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distnn.declared import Declared
from distnn.submission.systems import Request, System

FOLDER = Path(__file__).parent
EDIT = "# Edit these two lines.\n"


def script(system: System, request: Request, out: str, options: Sequence[str], modules: Sequence[str]) -> str:
    """The text of the script that trains with these options, arguments of train, into the directory `out`. Local.

    In a checkout of distnn it uses the checkout's environment, and is the script of launch/ but for two lines;
    elsewhere the environment of this process. modules: to be loaded first.
    """
    text = (FOLDER / system.script).read_text(encoding="utf-8")
    head, found, rest = text.partition(EDIT)
    assert found, system.script
    asked = "".join(f"{system.directive} {line}\n" for line in system.lines(request))
    arguments = " ".join(map(shlex.quote, options))
    training = f"{_beginning(out)}{arguments})\n"
    rest = rest.split("\n", 2)[2]
    before = [f"module load {' '.join(map(shlex.quote, modules))}\n"] if modules else []
    if not in_checkout():
        before.append(f"export DISTNN_ENVIRONMENT={shlex.quote(sys.prefix)}\n")
        head, rest = head.replace(_about(head), _own_words(system)), _elsewhere(rest)
    rest = re.sub(r"^source .*batch\.sh.*\n", lambda line: "".join(before) + line[0], rest, count=1, flags=re.M)
    return f"{head}{EDIT if in_checkout() else ''}{asked}{training}{rest}"


def is_script_of(path: Path, out: str) -> bool:
    """Is the file a script that trains into the directory `out`? Local."""
    try:
        return f"\n{_beginning(out)}" in path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False


def _beginning(out: str) -> str:
    return f"OUT={shlex.quote(out)} OPTIONS=("


def in_checkout() -> bool:
    """Is the working directory the checkout of distnn that is running? Local."""
    return os.path.exists("launch/batch.sh") and os.path.samefile("launch/batch.sh", FOLDER / "batch.sh")


def to_flags(options: Sequence[Declared], given: Mapping[str, Any]) -> list[str]:
    """The options that were given, by their names, as arguments; those that have their defaults need none."""
    found: list[str] = []
    for option in options:
        value = given.get(option.name, option.default)
        if value == option.default:
            continue
        if option.is_switch:
            found.append(option.flag if value else option.flag.replace("--", "--no-", 1))
            continue
        words = list(map(str, value if option.takes_several else (value,)))
        if any(word.startswith("-") for word in words):  # else they would be taken for options
            found += [f"{option.flag}={word}" for word in words]
        else:
            found += [option.flag, *words]
    return found


def _about(head: str) -> str:
    """The lines that say what the script is, after the first one."""
    return head.split("\n\n", 1)[0].split("\n", 1)[1]


def _own_words(system: System) -> str:
    return f"# Made by distnn submit, for {system.title}. It goes on by itself, from the newest checkpoint."


def _elsewhere(text: str) -> str:
    """The script's own part with the files of launch/ where they are installed."""
    where = {f"launch/{name}": shlex.quote(str(FOLDER / name)) for name in ("batch.sh", "stage-venv.sh")}
    text = re.sub(
        r'echo "\S+: submit it in the checkout: .*" >&2',
        r'echo "$0: this is the script of a job, made by distnn submit: hand it to the batch system." >&2',
        text,
    )
    for name, place in where.items():
        text = text.replace(name, place)
    return text
