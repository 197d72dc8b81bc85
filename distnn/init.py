"""`distnn init`: asks what is to be learnt from a table, and writes a file of options and a job script."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

from distnn.command_line.arguments import apart, parse, to_toml
from distnn.command_line.program import run
from distnn.data.tables.source import listed
from distnn.declared import Declared, Positional, declared
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank, Ranks, on_root
from distnn.runs.job import open_table
from distnn.runs.options import ACTIONS, Options, check
from distnn.runs.understanding import plan_alone
from distnn.storage.overwriting import make_way, write
from distnn.submission.systems import SYSTEMS, find
from distnn.submit import SubmitOptions, made
from distnn.words import many

PROGRAM = "distnn init"
ABOUT = """Begin with a table: say what is to be learnt from it.

What is written is a file of options for distnn train --config, with comments, and a job script, where there is a batch
system.

Examples:
distnn init table.csv
distnn init table.csv --yes --write lift.toml"""

INIT = "Init"
AUTO = "auto"  # what a training without the option does
HEAD = """# Options of a training: {train}
# Those that begin with # have their defaults, or are decided by the data.
"""


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """Options of the command."""

    data: Annotated[str | None, INIT, "The table. Default: it is asked for.", Positional()] = None
    yes: Annotated[bool, INIT, "Ask nothing: take the defaults, such as the last column for the target."] = False
    write: Annotated[str, INIT, "The file of options to write; a job script is put beside it."] = "distnn.toml"
    system: Annotated[str | None, INIT, "Batch system of the script. Default: the one that is here."] = None
    overwrite: Annotated[bool, INIT, "Replace files that are there."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Ask and write as the arguments say. Collective; rank 0 does it. Returns the exit code."""
    on_root(ranks, lambda: _init(parse(InitOptions, PROGRAM, ABOUT, arguments)))
    return 0


def _init(asked: InitOptions | None) -> None:
    if asked is None:
        return
    if not asked.yes and not sys.stdin.isatty():
        raise UserError("stdin is no terminal to answer questions at: give --yes for the defaults.")
    system = asked.system or find()
    if system is not None and system not in SYSTEMS:
        raise UserError(f"--system {system}: choose from {', '.join(sorted(SYSTEMS))}.")
    make_way([asked.write], asked.overwrite)
    file = Path(asked.write)
    job = file.with_suffix(f".{system}.sh")
    make_way([job] if system else [], asked.overwrite)
    options = questions(asked.data, (lambda question, default: default) if asked.yes else ask)
    flags = ["--config", str(file)]
    train = shlex.join(["distnn", "train", *flags])
    write(file, HEAD.format(train=train.encode(errors="replace").decode()) + commented(options), "--write")
    print(f"wrote {file}. Train here: {train}")
    if system:
        write(job, made(system, SubmitOptions(**vars(options)), flags), "--write")
        command = shlex.join(SYSTEMS[system].command) + (" <" if SYSTEMS[system].reads else "")
        print(f"wrote {job}. Train as a job: {command} {shlex.quote(str(job))}")


def ask(question: str, default: str) -> str:
    """The answer of whoever sits at the terminal; an empty one is the default."""
    try:
        return input(f"{question} [{default}]: ").strip() or default
    except EOFError:
        raise UserError("There is no answer: give --yes for the defaults.") from None


def questions(data: str | None, answer: Callable[[str, str], str]) -> Options:
    """The options that the answers give. answer(question, default): is asked again where it makes no sense."""
    if data is None:
        data = answer("Table to learn from", "table.csv")
    options = Options(data=data)
    ranks = OneRank()
    source = open_table(options, ranks)
    print(f"{data}: {many(source.n, 'row')}; columns {listed(source.columns, 30)}")
    names = [source.columns[j] for j in source.default_targets()]

    def insist(question: str, default: str, given: Callable[[str], dict[str, Any]]) -> None:
        nonlocal options
        while True:
            said = answer(question, default)
            try:
                tried = replace(options, **given(said))
                check(tried)
                plan_alone(tried, source, ranks)
                break
            except (UserError, ValueError) as error:
                if said == default:
                    raise
                print(error if isinstance(error, UserError) else f"{said}: give numbers.")
        options = tried

    insist("Columns to predict", shlex.join(names), lambda said: {"targets": _names(said)})
    insist("Columns to leave out", "none", lambda said: {"ignore": () if said == "none" else _names(said)})
    planned = plan_alone(options, source, ranks)
    kind = "classes" if planned.recipe.columns.classes else "numbers"
    print(f"{many(planned.d_in, 'input')} to learn from; what is predicted are {kind}.")
    insist("Share of the rows to hold out", AUTO, lambda said: {"validation": None if said == AUTO else float(said)})
    insist("Widths of the hidden layers", AUTO, lambda said: {"hidden": None if said == AUTO else _widths(said)})
    insist("Directory of the run", f"runs/{Path(data).stem}", lambda said: {"out": said})
    return options


def _names(said: str) -> tuple[str, ...]:
    """Names of columns, in quotes where they have spaces."""
    try:
        return tuple(shlex.split(said))
    except ValueError:
        raise UserError(f"{said}: a quote is open; put names with spaces or quotes into quotes.") from None


def _widths(said: str) -> tuple[int, ...]:
    """16 16, 16x16 or 16,16 as numbers."""
    return tuple(map(int, apart(said) if said.strip() else ()))


def commented(options: Options) -> str:
    """All options of a training as TOML, each below its words; those that have their defaults are comments. Local."""
    parts, group = [], ""
    for option in declared(Options):
        if option.group == ACTIONS:
            continue
        if option.group != group:
            group = option.group
            parts.append(f"\n# {'-' * 20} {group}\n")
        words = fill(option.words, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"\n{words}\n{_line(option, options)}\n")
    return "".join(parts)


def _line(option: Declared, options: Options) -> str:
    """An option and its value, as a comment where that is the default."""
    if getattr(options, option.name) is None:
        return f"# {option.flag[2:]} ="
    others = [other.name for other in declared(Options) if other.name != option.name]
    text = to_toml(options, others).strip()
    return text if getattr(options, option.name) != option.default else f"# {' '.join(text.split())}"


if __name__ == "__main__":
    run(main)
