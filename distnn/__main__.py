"""The command `distnn`, also as `python -m distnn`: a word says which program is to run, as by `python -m distnn.WORD`.

To add one: a module with a `main`, and a line in COMMANDS. Nothing of it is imported before it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from distnn.command_line import output
from distnn.errors import BAD_USE, DONE, FAILED
from distnn.parallel.launched import launched_first

COMMANDS = {
    "init": "ask what is to be learnt from a table, and write a file of options and a job script",
    "train": "train a network on a table",
    "search": "find the best options: grid, random, or a sampler of Optuna",
    "submit": "train as a job of a batch system: Slurm, PBS, LSF, Flux, Grid Engine",
    "watch": "see what trainings are doing, in the terminal",
    "evaluate": "compute the errors of a trained model on a table",
    "predict": "apply a trained model to a table",
    "report": "write how a training went, and how good its model is, into one HTML file",
    "export": "write a trained model for C, Fortran, ONNX and other programs",
    "verify": "prove it here: the gradient, and the same bits on any number of processes",
    "bench": "measure the speed here, beside PyTorch, JAX and scikit-learn",
    "completion": "print a script by which bash, zsh or fish completes what is typed",
    "info": "say what is installed and what it runs on, as a report of a fault should",
}
HELP = """Usage: distnn COMMAND [OPTIONS]

Train feed-forward networks, exactly and on all of the data, on one process or (mpirun) on many.

Commands:
{commands}

Examples:
  distnn train table.csv --targets lift
  mpirun -n 8 distnn train table.csv --targets lift --out runs/lift
  distnn predict runs/lift new.csv --out predictions.csv

distnn COMMAND --help lists the options of a command, distnn --version prints the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments, those of the process unless given, ask for. Returns the exit code, if it returns."""
    if own := arguments is None:
        arguments = sys.argv[1:]
    command, *rest = arguments or ["--help"]
    if command == "help":
        command, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if command in COMMANDS:
        return _start(command, rest)
    if own:
        output.install()
    if command in ("--help", "-h", "--version", "-V"):
        return _say(_version() if command in ("--version", "-V") else _help())
    if launched_first():
        print(f"distnn: {_unknown(command)} See: distnn --help", file=sys.stderr)
    return BAD_USE


def _start(command: str, arguments: Sequence[str]) -> int:
    """Run a program in place of this one, as `python -m` would."""
    from runpy import run_module

    sys.argv[1:] = arguments
    run_module(f"distnn.{command}", run_name="__main__", alter_sys=True)
    return DONE


def _say(text: str) -> int:
    """Print, on one of the processes that a launcher may have started."""
    if launched_first():
        print(text)
        if why := output.missing():
            print(f"distnn: stdout cannot be written: {why}.", file=sys.stderr)
            return FAILED
    return DONE


def _help() -> str:
    width = max(map(len, COMMANDS))
    return HELP.format(commands="\n".join(f"  {name:<{width}}  {words}" for name, words in COMMANDS.items()))


def _version() -> str:
    from distnn import __version__

    return f"distnn {__version__}"


def _unknown(command: str) -> str:
    """What is wrong with a word that is no command."""
    from difflib import get_close_matches
    from os.path import exists

    if near := command.startswith("--") and get_close_matches(command, ("--help", "--version"), n=1, cutoff=0.7):
        return f"There is no option {command}; did you mean {near[0]}?"
    if command.startswith("-"):
        return f"{command} is an option: first say what is to be done, such as distnn train {command}."
    if exists(command):
        return f"{command} is a file: say what is to be done with it, such as distnn train {command}."
    near = get_close_matches(command.lower(), COMMANDS, n=1)
    return f"There is no command {command!r}{f'; did you mean {near[0]}?' if near else '.'}"


if __name__ == "__main__":
    sys.exit(main())
