"""Makes distnn/keywords.py anew: the options of `fit` with their types, for type checkers. Run it after a change:

python docs/keywords.py
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from distnn.api import OPTIONS, PAIRS, fit
from distnn.declared import declared
from distnn.runs.options.options import Options

FILE = Path(__file__).parents[1] / "distnn/keywords.py"
PARAMETERS = inspect.signature(fit).parameters
HEAD = '''"""The options of `fit` with their types, for type checkers and editors. Made by docs/keywords.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class Keywords(TypedDict, total=False):
    """What `fit` takes by name, besides its own parameters."""

'''


def text(kind: Any) -> str:
    """A type as an annotation of what `fit` takes for it."""
    if get_origin(kind) is tuple:
        item = text(get_args(kind)[0])
        return f"Sequence[{item}] | {item}"
    if get_origin(kind) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(kind)))}]"
    if get_args(kind):
        return " | ".join(map(text, get_args(kind)))
    return "None" if kind is type(None) else kind.__name__


def module() -> str:
    """The text of the file, as ruff formats it."""
    options = [option for option in declared(Options) if option.name in OPTIONS and option.name not in PARAMETERS]
    pairs = dict.fromkeys(PAIRS, " | Mapping[str, str]") | {"class_weights": " | Mapping[Any, float]"}
    lines = [f"    {option.name}: {text(option.kind)}{pairs.get(option.name, '')}" for option in options]
    formatter = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(
        formatter, input=HEAD + "\n".join(lines) + "\n", capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    FILE.write_text(module(), encoding="utf-8")
