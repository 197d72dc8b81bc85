"""`mpirun -n 2 python -m distnn.bench.farm [ITERATIONS]`: how much sooner groups of ranks have trained several members.

Eight members of a network 10-16-16-1 on 2,000 rows, each with so many iterations (300 unless told otherwise) of
gradient descent, as whole farms, with their files: one after another on one rank, while the others sleep; one after
another on all ranks; and in groups of one rank. Measured in turns, by the clock and by the time on the processor of
the rank that was busiest, which other programs disturb less; the ratios are the medians of those of the turns.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from distnn.bench.machine import describe
from distnn.bench.rest import on_root_alone
from distnn.command_line.console import table
from distnn.command_line.program import run
from distnn.data.tables import open_source
from distnn.errors import UserError
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank, Ranks, on_root
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.farm import Farm
from distnn.runs.farm.members import members
from distnn.runs.options import Options

ROWS, MEMBERS, ITERATIONS, TURNS = 2000, 8, 300, 5
FARM = "farm"  # its directory


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Measure, and print a table. Collective. UserError for bad arguments, or a single rank."""
    if len(arguments) > 1 or not all(word.isdecimal() and int(word) for word in arguments):
        raise UserError("distnn.bench.farm takes one argument, a number of iterations.")
    if ranks.size == 1:
        raise UserError("distnn.bench.farm compares groups of ranks: run it under mpirun -n 2.")
    blas.limit_threads(1)
    folder = Path(on_root(ranks, tempfile.mkdtemp))
    try:
        found = measure(folder, int(arguments[0]) if arguments else ITERATIONS, ranks)
    finally:
        on_root(ranks, lambda: shutil.rmtree(folder, ignore_errors=True))
    if ranks.rank == 0:
        show(found, ranks)
    return 0


def measure(folder: Path, iterations: int, ranks: Ranks) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each way in each turn: by the clock, and on the processor of the busiest rank. Collective, replicated.

    folder: that all ranks see.
    """
    path = folder / "table.npy"
    on_root(ranks, lambda: np.save(path, _rows()))
    given = Options(
        data=str(path),
        members=MEMBERS,
        optimizer="gradient-descent",
        max_iterations=iterations,
        quiet=True,
        watchdog=0.0,
    )
    alone = partial(_seconds, given, folder, OneRank(), 1)
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "one after another, on one rank": lambda: on_root_alone(ranks, alone),
        f"one after another, on {ranks.size} ranks": lambda: _seconds(given, folder, ranks, ranks.size),
        f"on {ranks.size} groups of one rank": lambda: _seconds(given, folder, ranks, 1),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            everyones = ranks.gather(way())
            on_root(ranks, lambda: shutil.rmtree(folder / FARM))  # the next one begins in a new directory, too
            found[name].append((everyones[0][0], max(busy for _, busy in everyones)))
    return found


def show(found: dict[str, list[tuple[float, float]]], ranks: Ranks) -> None:
    """Print the table. Local."""
    first, rows = next(iter(found.values())), []
    for name, times in found.items():
        row = [name]
        for which in (0, 1):
            ratios = [one[which] / own[which] for one, own in zip(first, times, strict=True)]
            row += [f"{median(own[which] for own in times):.3f}", f"{median(ratios):.2f}"]
        rows.append(row)
    header = ("", "seconds", "times as fast", "on the processor", "times as fast")
    table(f"{MEMBERS} members, on {describe(ranks)['cpu']}", header, rows)


def _seconds(options: Options, folder: Path, ranks: Ranks, size: int) -> tuple[float, float]:
    """Of a farm with groups of so many ranks, from the table's opening to its last file. Collective."""
    given = replace(options, group_size=size)
    several = members(given)
    assert several is not None
    began, busy = time.perf_counter(), time.process_time()
    Farm(given, several, open_source(given.data, ranks), RunDirectory(folder / FARM), ranks).carry_out()
    return time.perf_counter() - began, time.process_time() - busy


def _rows() -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(ROWS, 10))
    return np.column_stack([x, np.sin(x @ np.linspace(-1, 1, 10)) * x[:, 0]])


if __name__ == "__main__":
    run(main)
