"""`python -m distnn.bench.scaling`: trainings on simulated ranks of described networks, as a table and a figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from distnn.bench import drawing
from distnn.bench.rest import on_root_alone
from distnn.bench.results import duration
from distnn.bench.scaling.here import look
from distnn.bench.scaling.networks import NETWORKS
from distnn.bench.scaling.simgrid import ALLREDUCE, find
from distnn.bench.scaling.trial import Outcome, Pace, Trial, measured
from distnn.command_line.arguments import parse
from distnn.command_line.console import table
from distnn.command_line.program import run
from distnn.errors import RankError, UserError
from distnn.parallel.ranks import Ranks, on_root
from distnn.storage.overwriting import make_way, write

PROGRAM = "python -m distnn.bench.scaling"
ABOUT = """Train on up to thousands of simulated ranks of a described network, and say how long that would take there.

The program itself runs, `distnn.fit` on each rank, in one process under SimGrid (apt-get install libsimgrid-dev), which
knows how long messages take; how long computing takes is measured here, or given.

Under mpirun: predict how long an iteration takes on the ranks that it started, and measure it."""
TABLE, NETWORK, PACE, OUTPUT = "Table", "Network", "Pace", "Output"
INPUTS = 2
LIMIT = 0.1  # of an iteration in communication: from there on it is said


@dataclass(frozen=True, kw_only=True)
class ScalingOptions:
    """Options of the command."""

    ranks: Annotated[tuple[int, ...], NETWORK, "Numbers of ranks."] = (1, 4, 16, 64, 256)
    network: Annotated[tuple[str, ...], NETWORK, f"Networks, of: {', '.join(NETWORKS)}."] = tuple(NETWORKS)
    allreduce: Annotated[tuple[str, ...], NETWORK, f"Allreduce's algorithms, of SimGrid's: {', '.join(ALLREDUCE)}."] = (
        "rdb",
    )
    latency: Annotated[float, NETWORK, "Seconds that a link takes, of which a message goes through some."] = 5e-7
    bandwidth: Annotated[float, NETWORK, "Bytes a second of a link."] = 12.5e9
    growth: Annotated[
        Literal["strong", "weak", "both"], TABLE, "strong: the same table for all; weak: --rows for each rank."
    ] = "both"
    rows: Annotated[int, TABLE, "Rows of the table for each rank."] = 8192
    all_rows: Annotated[int, TABLE, "Rows of the one table for all."] = 1 << 20
    hidden: Annotated[tuple[int, ...], TABLE, "Units of the hidden layers."] = (16, 16)
    iterations: Annotated[int, TABLE, "Iterations of a training."] = 2
    row: Annotated[float | None, PACE, "Seconds of an iteration over a row. Default: measured here, on one rank."] = (
        None
    )
    outside: Annotated[float | None, PACE, "Seconds of an iteration beside its rows. Default: measured here."] = None
    json: Annotated[str | None, OUTPUT, "File to write all numbers to."] = None
    figure: Annotated[str | None, OUTPUT, "Figure to draw, .png, .svg or .pdf."] = None
    overwrite: Annotated[bool, OUTPUT, "Replace files that are there already."] = False

    @property
    def d(self) -> tuple[int, ...]:
        return (INPUTS, *self.hidden, 1)


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Simulate what the arguments ask for, and print a table; under mpirun what they say of these ranks. Collective.

    Returns the exit code.
    """
    options = on_root(ranks, lambda: read_options(arguments, ranks.size))
    if options is None:
        return 0
    if ranks.size > 1:
        return compare(options, ranks)
    pace = _pace(options)
    print(f"computing: {duration(pace.row)} a row, {duration(pace.outside)} an iteration beside its rows")
    found = []
    for growth, network, allreduce in _kinds(options):
        outcomes = []
        for P in sorted(set(options.ranks)):
            n = options.rows * P if growth == "weak" else options.all_rows
            links = {"latency": options.latency, "bandwidth": options.bandwidth}
            trial = Trial(P, n, options.d, network, allreduce, **links, **asdict(pace), iterations=options.iterations)
            outcomes.append((trial, simulated(trial)))
        show(growth, network, allreduce, outcomes)
        found += [{"growth": growth, **asdict(trial), **asdict(outcome)} for trial, outcome in outcomes]
    keep(found, options)
    if options.figure:
        from distnn.bench.scaling.figure import draw

        draw(found, options.figure)
    return 0


def read_options(arguments: Sequence[str], size: int) -> ScalingOptions | None:
    """The options that the arguments give to so many ranks, and SimGrid is there. Local: for rank 0."""
    options: ScalingOptions | None = parse(ScalingOptions, PROGRAM, ABOUT, arguments)
    if options is not None:
        check(options, size)
        find()
    return options


def keep(found: list[dict[str, Any]], options: ScalingOptions) -> None:
    """Write the numbers to the file that the options name, if they do. Local: for rank 0."""
    if options.json:
        write(Path(options.json), json.dumps(found, indent=1) + "\n", "--json")


def check(options: ScalingOptions, size: int) -> None:
    """UserError unless the options make sense on so many ranks, and the files can be written."""
    for name, known in (("network", NETWORKS), ("allreduce", ALLREDUCE)):
        for value in getattr(options, name):
            if value not in known:
                raise UserError(f"--{name} {value}: there is no such thing. Choose from: {', '.join(known)}.")
    for name in ("rows", "all_rows", "latency", "bandwidth"):
        if not getattr(options, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} {getattr(options, name)}: it needs to be above 0.")
    for name in ("row", "outside"):
        if (value := getattr(options, name)) is not None and not value > 0:
            raise UserError(f"--{name} {value}: it needs to be above 0.")
    if not options.ranks or min(options.ranks) < 1:
        raise UserError("--ranks: give numbers of ranks, each at least 1.")
    if options.iterations < 2:
        raise UserError(f"--iterations {options.iterations}: give at least 2.")
    if options.figure is not None:
        drawing.check(options.figure)
        if size > 1:
            raise UserError("--figure is of simulated ranks: leave it out, or start without mpirun.")
    make_way(filter(None, (options.json, options.figure)), options.overwrite)


def _kinds(options: ScalingOptions) -> Iterator[tuple[str, str, str]]:
    for growth in ("strong", "weak"):
        if options.growth in (growth, "both"):
            for network in options.network:
                for allreduce in options.allreduce:
                    yield growth, network, allreduce


def _pace(options: ScalingOptions) -> Pace:
    if options.row is not None and options.outside is not None:
        return Pace(options.row, options.outside)
    here = measured(options.d, options.rows)
    row, outside = options.row, options.outside
    return Pace(here.row if row is None else row, here.outside if outside is None else outside)


def simulated(trial: Trial) -> Outcome:
    """The trial, in a process of its own, since SimGrid starts once. RankError where it fails."""
    command = [sys.executable, "-m", "distnn.bench.scaling.trial", json.dumps(asdict(trial))]
    apart = {**os.environ, "MPI4PY_RC_INITIALIZE": "false"}  # from an mpirun that has started this
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=apart)
    if done.returncode:
        raise RankError(f"{trial} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def compare(options: ScalingOptions, ranks: Ranks) -> int:
    """Print what is predicted for as many ranks as there are, and what they take. Collective. Returns the exit code."""
    here = look(options.d, options.rows, ranks)
    trial = here.trial(options.d, options.rows, ranks.size)
    outcome: Outcome = on_root_alone(ranks, lambda: simulated(trial))
    found = [{**asdict(trial), **asdict(outcome), "measured": here.iteration}]
    if ranks.rank == 0:
        print(f"computing: {duration(trial.row)} a row, {duration(trial.outside)} an iteration beside its rows")
        print(f"messages: {duration(here.network.alpha)}, and {here.network.beta * 1e9:.3g} ns a byte")
        print(
            f"an iteration over {trial.n:,} rows on {ranks.size} ranks: {duration(outcome.iteration)} predicted, "
            f"{duration(here.iteration)} measured ({100 * (outcome.iteration / here.iteration - 1):+.1f} %)"
        )
    on_root(ranks, lambda: keep(found, options))
    return 0


def show(growth: str, network: str, allreduce: str, outcomes: Sequence[tuple[Trial, Outcome]]) -> None:
    """A table of one network's trials, and from how many ranks on communication counts."""
    first = outcomes[0]
    rows = []
    for trial, outcome in outcomes:
        work = first[1].iteration * trial.n / first[0].n * first[0].ranks / trial.ranks
        efficiency, shared = work / outcome.iteration, outcome.communication
        rows.append(
            (
                *(f"{trial.ranks:,}", f"{trial.n:,}", duration(outcome.iteration), f"{100 * efficiency:.0f} %"),
                *(f"{100 * shared:.1f} %", duration(outcome.start), outcome.sha256[:12], f"{outcome.wall:.1f} s"),
            )
        )
    header = ("ranks", "rows", "an iteration", "efficiency", "communication", "to first gradient", "weights", "took")
    table(f"{growth} scaling, {network}, Allreduce {allreduce}", header, rows)
    beyond = [trial.ranks for trial, outcome in outcomes if outcome.communication > LIMIT]
    print(f"communication takes more than {100 * LIMIT:.0f} % of an iteration {_where(beyond)}\n", flush=True)


def _where(ranks: Sequence[int]) -> str:
    return f"with {', '.join(f'{P:,}' for P in ranks)} ranks." if ranks else "nowhere."


if __name__ == "__main__":
    run(main)
