"""`python -m distnn.search`: try values of options, on one process or under mpirun, and keep the best."""

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
from dataclasses import replace
from functools import partial

from distnn.command_line.arguments import parse, read
from distnn.command_line.program import run
from distnn.errors import DONE, UserError
from distnn.kernels import blas
from distnn.parallel.ranks import Ranks
from distnn.resilience.watchdog import watched_reading
from distnn.runs import resume
from distnn.runs.farm.search import trials
from distnn.runs.farm.trials import SearchOptions
from distnn.runs.job import Job
from distnn.runs.options import check

PROGRAM = "distnn search"
ABOUT = """Search for the best options: train with many combinations, by groups of processes side by side.

All options of a training may be given. The trials are compared by E_val, or by evidence where there is one. The best
one's model and options, best.toml, are in --out.

Examples:
distnn search table.csv --validation 0.2 --grid hidden=8,16,8x8 weight-decay=0,1e-3
mpirun -n 8 distnn search table.csv --validation 0.2 --space hidden=4,8,16 weight-decay=1e-6..1 --trials 50
distnn train table.csv --config runs/search/best.toml --out runs/best"""


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Search as the arguments say. Collective. Returns the exit code."""
    if START is not None:
        START.connected(ranks)
    options = watched_reading(ranks, arguments, lambda: read_options(arguments))
    if options is None:
        return DONE
    blas.limit_threads(options.threads)
    do_without_stdout()
    return Job(options, ranks, trials(options)).carry_out()


def read_options(arguments: Sequence[str]) -> SearchOptions | None:
    """The options that the arguments and, at --resume, the search's own options give. Local: for rank 0."""
    given = read(SearchOptions, PROGRAM, ABOUT, arguments)
    if given is None:
        return None
    options = SearchOptions(**given)
    if options.resume:
        merged = resume.merge(given, partial(parse, SearchOptions, PROGRAM, ABOUT))
        assert isinstance(merged, SearchOptions)
        options = merged
    if options.print_config or options.dry_run:
        raise UserError("--print-config and --dry-run are for one training: give them to distnn train.")
    check(replace(options, group_size=None, total_seconds=None))  # which are for several trainings, as these are
    trials(options)
    return options


if __name__ == "__main__":
    run(main)
