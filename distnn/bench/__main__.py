"""`python -m distnn.bench`: measure distnn here, beside what people use today, alone or under mpirun."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distnn.bench import machine, prediction
from distnn.bench.measure import measure
from distnn.bench.options import BenchOptions, check
from distnn.bench.series import series
from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.kernels import blas
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.storage import overwriting

PROGRAM = "distnn bench"
ABOUT = """Measure how long an iteration takes, beside PyTorch, JAX and scikit-learn and beside the machine's limit.

Everybody takes turns, so that what else runs here disturbs all alike. Packages that are not installed are left out.

Examples:
distnn bench --quick
mpirun -n 2 distnn bench --json results.json"""


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Measure as the arguments say. Collective. Returns the exit code."""
    options = on_root(ranks, lambda: read_options(arguments, ranks))
    if options is None:
        return 0
    blas.limit_threads(1)
    results: dict[str, Any] = {
        "version": 1,
        "machine": machine.describe(ranks),
        "quick": options.quick,
        "workloads": {},
    }
    slower = environment.slower_kernel(environment.record())
    if ranks.rank == 0:
        from distnn.bench import results as printed

        printed.show_machine(results["machine"])
        if slower:
            print(f"{slower}\n")
    if options.series:
        results["series"] = _series(options, ranks)
    network = _network(options, ranks) if options.range else None
    for name in () if options.series else options.names:
        found = results["workloads"][name] = measure(name, options, ranks)
        if network is not None:
            found["prediction"] = _predict(found, network, options)
        if ranks.rank == 0:
            printed.show_workload(name, found)
            if network is not None:
                rows = [prediction.Row(**row) for row in found["prediction"]["rows"]]
                printed.show_prediction(name, rows, found["prediction"]["fastest"], network.alpha, network.beta)
                printed.show_check(found["prediction"]["here"])
    on_root(ranks, lambda: write(results, options))
    return 0


def read_options(arguments: Sequence[str], ranks: Ranks) -> BenchOptions | None:
    """The options that the arguments give. Local: for rank 0."""
    options: BenchOptions | None = parse(BenchOptions, PROGRAM, ABOUT, arguments)
    if options is not None:
        check(options, ranks.size)
        overwriting.make_way(filter(None, (options.json, options.figure)), options.overwrite)
    return options


def _series(options: BenchOptions, ranks: Ranks) -> list[dict[str, Any]]:
    points = list(series(ranks, options.quick))
    if ranks.rank == 0:
        from distnn.bench import results as printed

        printed.show_series(points)
    return [asdict(point) for point in points]


def _network(options: BenchOptions, ranks: Ranks) -> prediction.Network:
    if options.alpha is not None and options.beta is not None:
        return prediction.Network(options.alpha, options.beta)
    return prediction.measure(ranks)


def _predict(found: dict[str, Any], network: prediction.Network, options: BenchOptions) -> dict[str, Any]:
    assert options.range is not None
    iteration = prediction.Iteration(**found["iteration"])
    rows = prediction.predict(iteration, network, prediction.powers(*options.range))
    return {
        "alpha": network.alpha,
        "beta": network.beta,
        "rows": [asdict(row) for row in rows],
        "fastest": prediction.fastest(iteration, network, *options.range),
        "here": [
            {"ranks": own["cores"], "predicted": iteration.strong(own["cores"], network), "measured": own["median"]}
            for own in found["contenders"]
            if own["name"] == "distnn, exact"
        ],
    }


def write(results: dict[str, Any], options: BenchOptions) -> None:
    """Write the files that the options ask for. Local: for rank 0. UserError if that fails."""
    if options.json is not None:
        overwriting.write(Path(options.json), json.dumps(results, indent=1) + "\n", "--json")
    if options.figure is not None:
        from distnn.bench.figure import draw

        draw(results, options.figure)


if __name__ == "__main__":
    run(main)
