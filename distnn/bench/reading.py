"""`python -m distnn.bench.reading [ROWS]`: how fast tables are read, beside the readers that people use.

A table of ten columns of random numbers (200,000 rows unless told otherwise) is read whole, on one core, from CSV and
from Parquet: by distnn a block after another as a rank does it, into float64 rows; by the others into what they hold a
table in. Measured in turns: the best time on the processor of each, so that other programs disturb little.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from distnn.bench.rest import refuse_several
from distnn.command_line.console import table
from distnn.command_line.program import run
from distnn.data.tables import open_source
from distnn.errors import UserError, missing_package
from distnn.parallel.ranks import OneRank, Ranks

COLUMNS, BLOCK, TURNS = 10, 8192, 7
Reader = Callable[[Path], object]


def distnn(path: Path) -> None:
    """Read a table as a rank does that owns all of it."""
    source = open_source(str(path), OneRank())
    source.prepare(0, source.n)
    for start in range(0, source.n, BLOCK):
        source.read(start, min(start + BLOCK, source.n), range(len(source.columns)))


def _pyarrow(path: Path) -> object:
    from pyarrow import csv, parquet

    if path.suffix == ".parquet":
        return parquet.read_table(path, use_threads=False)
    return csv.read_csv(path, csv.ReadOptions(use_threads=False))


def _polars(path: Path) -> object:
    import polars

    return polars.read_parquet(path) if path.suffix == ".parquet" else polars.read_csv(path)


def _pandas(path: Path) -> object:
    import pandas

    return pandas.read_parquet(path) if path.suffix == ".parquet" else pandas.read_csv(path)


READERS: dict[str, Reader] = {"distnn": distnn, "pyarrow": _pyarrow, "polars": _polars, "pandas": _pandas}


def write(folder: Path, rows: int) -> list[Path]:
    """The same table of random numbers as CSV and as Parquet."""
    if importlib.util.find_spec("pyarrow") is None:
        raise missing_package("pyarrow", "tables", "distnn.bench.reading")
    import pyarrow
    from pyarrow import csv, parquet

    values = np.random.default_rng(0).normal(size=(COLUMNS, rows))
    stored = pyarrow.table({f"x{i}": column for i, column in enumerate(values)})
    paths = [folder / "table.csv", folder / "table.parquet"]
    csv.write_csv(stored, paths[0])
    parquet.write_table(stored, paths[1])
    return paths


def measure(paths: Sequence[Path], readers: dict[str, Reader], turns: int) -> dict[tuple[str, str], float]:
    """Seconds on the processor that each reader needs for each file, by its name and the file's ending: the best."""
    best: dict[tuple[str, str], float] = {}
    for turn in range(turns + 1):  # the first one warms up
        for path in paths:
            for name, reader in readers.items():
                start = time.process_time()
                reader(path)
                seconds = time.process_time() - start
                if turn:
                    best[name, path.suffix] = min(seconds, best.get((name, path.suffix), seconds))
    return best


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Measure, and print a table. Returns the exit code. UserError for bad arguments, or several ranks."""
    refuse_several(ranks, "distnn.bench.reading")
    if len(arguments) > 1 or not all(word.isdecimal() and int(word) for word in arguments):
        raise UserError("distnn.bench.reading takes one argument, a number of rows.")
    rows = int(arguments[0]) if arguments else 200_000
    os.environ["POLARS_MAX_THREADS"] = "1"
    readers = {name: reader for name, reader in READERS.items() if name == "distnn" or importlib.util.find_spec(name)}
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), rows)
        best = measure(paths, readers, TURNS)
    lines = [(name, *(f"{rows / best[name, path.suffix] / 1e6:.2f}" for path in paths)) for name in readers]
    table(f"Millions of rows of {COLUMNS} columns a second, on one core", ("", "CSV", "Parquet"), lines)
    return 0


if __name__ == "__main__":
    run(main)
