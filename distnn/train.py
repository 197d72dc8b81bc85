"""`python -m distnn.train`: train a network on a table, on one process or under mpirun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from distnn.command_line.arguments import parse, to_toml
from distnn.command_line.program import run
from distnn.data.tables import Source, open_source
from distnn.errors import UserError
from distnn.kernels import blas, library
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.elastic import CANNOT, Recovery, carry_on
from distnn.resilience.signals import caught
from distnn.resilience.watchdog import watching
from distnn.runs import restarts, resume
from distnn.runs.assembly import Assembly, assemble, plan
from distnn.runs.directory import RunDirectory
from distnn.runs.options import ACTIONS, Options, check, group
from distnn.runs.run import Run

if TYPE_CHECKING:  # imported on rank 0 alone
    from distnn.command_line.console import Report

PROGRAM = "python -m distnn.train"
ABOUT = """Train a feed-forward network, exactly and on all of the data, on one process or on many:
mpirun -n 8 python -m distnn.train --data table.csv --targets y

The same weights come out, to the bit, for any number of processes."""


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Train as the arguments say. Collective. Returns the exit code."""
    options = on_root(ranks, lambda: read_options(arguments))
    if options is None:
        return 0
    if options.print_config:
        if ranks.rank == 0:
            print(to_toml(options, [field.name for field in fields(options) if group(field.name) == ACTIONS]), end="")
        return 0
    blas.limit_threads(options.threads)
    directory = RunDirectory(options.out, options.keep)
    new = not (options.resume or options.dry_run)
    if new:
        on_root(ranks, lambda: directory.create(options.overwrite))
    try:
        return carry_out(options, directory, ranks)
    except UserError:
        if new and ranks.rank == 0:
            directory.discard()
        raise


def carry_out(options: Options, directory: RunDirectory, ranks: Ranks) -> int:
    """Open the data, and train, or show what would be trained; no rank is waited for too long. Collective."""
    waiting = directory.path / "waiting"
    with watching(ranks, options.watchdog, waiting):
        source = open_source(options.data, ranks, seed=options.seed, n=options.examples, header=options.header)
    if options.dry_run:
        planned = plan(options, source)
        if ranks.rank == 0:
            from distnn.runs.dry_run import show

            show(options, source, planned, ranks.size)
        return 0

    def attempt(recovery: Recovery) -> int:
        with watching(ranks, options.watchdog, waiting):
            return train(options, source, directory, ranks, recovery)

    return carry_on(ranks, attempt) if options.elastic and ranks.be_elastic() else attempt(Recovery())


def train(options: Options, source: Source, directory: RunDirectory, ranks: Ranks, recovery: Recovery) -> int:
    """Read the data, and train into the directory. Collective. Returns the exit code."""
    assembly = assemble(options, source, ranks)
    options = assembly.options
    report = None
    if ranks.rank == 0:
        from distnn.command_line.console import Report

        report = Report(options.max_iterations, options.log_every, options.quiet)
        if options.elastic and not ranks.elastic:
            report.warn(CANNOT)
        if recovery.ranks_lost:
            report.warn(f"ranks died, {recovery.ranks_lost} so far; the other {ranks.size} go on.")
    warn_of_environment(options, assembly, ranks, report)
    announce(options, source, assembly, ranks, report)
    try:
        with caught(ranks):
            if options.restarts > 1:
                return restarts.train(options, assembly, directory, ranks, report)
            return Run(options, assembly, directory, ranks, report).train(recovery)[0].code
    finally:
        if report is not None:
            report.close()  # after an error too: the bar has hidden the cursor


def read_options(arguments: Sequence[str]) -> Options | None:
    """The options that the arguments and, at --resume, the run's own options give. Local: for rank 0."""
    options = parse(Options, PROGRAM, ABOUT, arguments)
    if options is None:
        return None
    if options.resume:
        options = resume.merge(options, arguments, PROGRAM, ABOUT)
    elif options.out is None:
        options = replace(options, out=f"runs/{datetime.now():%Y-%m-%d-%H%M%S}")
    check(options)
    return options


def warn_of_environment(options: Options, assembly: Assembly, ranks: Ranks, report: Report | None) -> None:
    """Say, once, where the promise of the same bits does not hold, or the machine is not made use of. Collective."""
    record = environment.record(assembly.examples.cut.rows)
    environment.require_threads(options.threads, record, ranks)
    network = assembly.model.network
    slower = (environment.slower_kernel(record), library.missing(network.d, network.theta))
    for warning in (environment.compare_ranks(record, ranks), *(() if options.quiet else slower)):
        if report is not None and warning:
            report.warn(warning)


def announce(options: Options, source: Source, assembly: Assembly, ranks: Ranks, report: Report | None) -> None:
    """Print what is going to be trained."""
    if report is None:
        return
    model, examples = assembly.model, assembly.examples
    held = f", {examples.validation_rows:,} held out" if examples.validation_rows else ""
    classes = model.preparation.classes
    report.say(
        f"{source.path}: {examples.rows:,} examples{held}"
        + (f", {len(classes.names)} classes" if classes else "")
        + f"; {examples.cut.count:,} blocks of {examples.cut.rows:,} rows on {ranks.size} "
        + ("rank" if ranks.size == 1 else "ranks")
        + (f", of which {ranks.size - examples.cut.count} have no work" if examples.cut.count < ranks.size else "")
    )
    if assembly.why:
        report.say(f"optimizer: {assembly.why}")
    report.say(
        f"d = {list(model.network.d)}, {model.network.w.size:,} weights, θ {model.network.theta}, output "
        f"{model.network.output_theta}, {model.error} error, {options.optimizer}, {model.dtype}"
    )


if __name__ == "__main__":
    run(main)
