"""`python -m distnn.train`: train a network on a table, on one process or under mpirun."""

from __future__ import annotations

from distnn.command_line.exit_code import leave_word
from distnn.command_line.output import do_without_stdout, occupy
from distnn.resilience.signals import Start, before_training

START: Start | None = None
if __name__ == "__main__":  # first of all: a signal may come while the rest is imported
    occupy()
    START = before_training(leave_word)

# ruff: noqa: E402
from collections.abc import Sequence
from dataclasses import fields
from functools import partial

from distnn.command_line.arguments import parse, read, to_toml
from distnn.command_line.program import run
from distnn.errors import DONE
from distnn.kernels import blas
from distnn.parallel.ranks import Ranks
from distnn.resilience.watchdog import watched_reading
from distnn.runs import resume
from distnn.runs.job import Job
from distnn.runs.options import ACTIONS, Options, check, group

PROGRAM = "distnn train"
ABOUT = """Train a feed-forward network, exactly and on all of the data, on one process or on many.

The same weights come out, to the bit, for any number of processes.

Examples:
distnn train table.csv --targets lift --validation 0.1
mpirun -n 8 distnn train table.csv --hidden 30 30 --out runs/lift
mpirun -n 8 distnn train --resume --out runs/lift --max-iterations 2000
distnn train table.csv --dry-run"""


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Train as the arguments say. Collective. Returns the exit code."""
    if START is not None:
        START.connected(ranks)
    options = watched_reading(ranks, arguments, lambda: read_options(arguments))
    if options is None:
        return DONE
    if options.print_config:
        if ranks.rank == 0:
            print(to_toml(options, [field.name for field in fields(options) if group(field.name) == ACTIONS]), end="")
        return DONE
    blas.limit_threads(options.threads)
    if not options.dry_run:
        do_without_stdout()
    return Job(options, ranks).carry_out()


def read_options(arguments: Sequence[str]) -> Options | None:
    """The options that the arguments and, at --resume, the run's own options give. Local: for rank 0."""
    given = read(Options, PROGRAM, ABOUT, arguments)
    if given is None:
        return None
    options = Options(**given)
    if options.resume:
        options = resume.merge(given, partial(parse, Options, PROGRAM, ABOUT))
    check(options)
    return options


if __name__ == "__main__":
    run(main)
