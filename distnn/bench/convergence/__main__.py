"""`python -m distnn.bench.convergence`: the races, on one process."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from distnn.bench.contender import DISTRIBUTIONS, versions
from distnn.bench.convergence.problems import PROBLEMS
from distnn.bench.convergence.race import PACKAGES, RACERS, race
from distnn.bench.convergence.report import Traces, numbers, table
from distnn.bench.rest import refuse_several
from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.errors import UserError
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks
from distnn.storage.overwriting import make_way, write

PROGRAM = "python -m distnn.bench.convergence"
ABOUT = """Compare distnn's optimizers with scikit-learn's and PyTorch's L-BFGS, PyTorch's Adam, scipy's least_squares
and optimistix's Levenberg-Marquardt: evaluations and time to reach a given E_in, from the same weights on the same
data, with one thread.

Others that are not installed are left out: pip install scikit-learn torch optimistix. The whole takes about 40
minutes."""
RACE = "Race"
QUICK_ROWS, QUICK_SHARE = 500, 0.1


@dataclass(frozen=True, kw_only=True)
class ConvergenceOptions:
    """Options of the command."""

    problem: Annotated[tuple[str, ...], RACE, f"Problems to run, of: {', '.join(PROBLEMS)}. Default: all."] = ()
    seeds: Annotated[int, RACE, "Run from this many initial weights, 0, 1, …; medians are shown."] = 5
    quick: Annotated[bool, RACE, f"At most {QUICK_ROWS} rows, a tenth of the time: to see that all works."] = False
    json: Annotated[str | None, RACE, "File to write the numbers to."] = None
    overwrite: Annotated[bool, RACE, "Replace that file, if it is there already."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Run the races that the arguments ask for, and print a table after each. Returns the exit code."""
    refuse_several(ranks, PROGRAM)
    options = parse(ConvergenceOptions, PROGRAM, ABOUT, arguments)
    if options is None:
        return 0
    check(options)
    present = versions(PACKAGES)
    for package in PACKAGES:
        if package not in present:
            print(f"{DISTRIBUTIONS[package]} is not installed: left out.")
    report: dict[str, Any] = {"environment": environment.record() | present, "problems": {}}
    print(f"{platform.machine()}, " + ", ".join(f"{name} {value}" for name, value in describe(report["environment"])))
    print()
    for name in options.problem or PROBLEMS:
        problem = PROBLEMS[name]
        if problem.package and problem.package not in present:
            print(f"{name}: left out, since it needs {DISTRIBUTIONS[problem.package]}.\n")
            continue
        if options.quick:
            problem = replace(problem, rows=min(problem.rows, QUICK_ROWS), seconds=QUICK_SHARE * problem.seconds)
        contenders = [c for c in RACERS if c.suits(problem) and c.installed]
        traces: Traces = {contender.name: [] for contender in contenders}
        for contender, trace in race(problem, range(options.seeds), contenders):
            traces[contender].append(trace)
        print("\n".join(table(problem, traces)), flush=True)
        report["problems"][name] = numbers(problem, traces)
    if options.json:
        write(Path(options.json), json.dumps(report, indent=1) + "\n", "--json")
    return 0


def check(options: ConvergenceOptions) -> None:
    """UserError unless the options make sense, and the file can be written."""
    for name in options.problem:
        if name not in PROBLEMS:
            raise UserError(f"--problem {name}: there is no such problem. Choose from: {', '.join(PROBLEMS)}.")
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: give at least 1.")
    if options.json:
        make_way([options.json], options.overwrite)


def describe(record: dict[str, Any]) -> list[tuple[str, Any]]:
    """Of the environment what a reader of the tables wants to know."""
    return [(name, record[name]) for name in ("python", "numpy", "blas", "kernel", *PACKAGES) if name in record]


if __name__ == "__main__":
    run(main)
