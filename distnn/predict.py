"""`python -m distnn.predict`: apply a trained model to a table, on one process or under mpirun."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import numpy as np

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.errors import UserError
from distnn.inference.application import DATA, Application, ApplyOptions
from distnn.inference.model import Model
from distnn.parallel.ranks import Ranks, on_root
from distnn.storage.files import replacing

PROGRAM = "python -m distnn.predict"
ABOUT = """Apply a trained model to a table:
python -m distnn.predict --model runs/mine --data new.csv --out predictions.csv

The table needs the input columns that the model was trained with, by name (or in the same places, where it has no
names). One line is written for each row, in order."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ApplyOptions):
    """Options of the command."""

    out: Annotated[
        str | None,
        DATA,
        "File to write: .csv (for classes: the class, then the outputs) or .npy (the outputs). Default: CSV on stdout.",
    ] = None


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Predict as the arguments say. Collective. Returns the exit code."""
    options = on_root(ranks, lambda: parse(PredictOptions, PROGRAM, ABOUT, arguments))
    if options is None:
        return 0
    if options.out is not None and Path(options.out).suffix not in (".csv", ".npy"):
        raise UserError(f"--out {options.out}: the name must end with .csv or .npy.")
    application = Application(options, ranks, with_targets=False)
    outputs: list[np.ndarray] = []
    with ranks.sharing_errors():
        for number in range(len(application.blocks)):
            block = application.block(application.rows(number))
            outputs.append(application.backpropagation.outputs(block.x).copy())
    # Rank 0 writes for all; if it cannot, it still takes what the others send, so that none of them waits for ever.
    with ranks.sharing_errors():
        parts = ranks.in_order(outputs)
        if ranks.rank == 0:
            write(application.model, parts, options.out, application.source.n)
        else:
            for _ in parts:
                pass
    return 0


def write(model: Model, parts: Iterator[np.ndarray], out: str | None, n: int) -> None:
    """Write outputs, each d^(L) × rows, in the format that the name says. UserError if it cannot be written."""
    try:
        if out is not None and out.endswith(".npy"):
            with replacing(Path(out)) as file:
                write_npy(model, parts, file, n)
        else:
            with nullcontext(sys.stdout) if out is None else replacing(Path(out), "w") as file:
                write_csv(model, parts, file)
                file.flush()
    except BrokenPipeError:  # whoever read stdout has seen enough; nothing more must be flushed to it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise UserError(f"--out {out} cannot be written: {error.strerror}.") from None
    finally:
        parts.close()  # type: ignore[attr-defined]


def write_npy(model: Model, parts: Iterable[np.ndarray], file: IO[bytes], n: int) -> None:
    """The outputs as an array n × d^(L), float64, in the units of the table."""
    shape = (n, model.network.d[-1])
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    for outputs in parts:
        file.write(np.ascontiguousarray(model.unscale(outputs).T, "<f8").tobytes())


def write_csv(model: Model, parts: Iterable[np.ndarray], file: IO[str]) -> None:
    """A line of names, then a line for each row; numbers are written so that they read back to the bit."""
    writer = csv.writer(file, lineterminator="\n")
    preparation = model.preparation
    if preparation.classes is None:
        writer.writerow(preparation.targets)
        for outputs in parts:
            writer.writerows(model.unscale(outputs).T.tolist())
        return
    names = preparation.classes.names
    of = names if len(names) == model.network.d[-1] else ("",)
    writer.writerow([preparation.targets[0], *(f"output {name}".rstrip() for name in of)])
    for outputs in parts:
        codes = preparation.classes.decode(outputs)
        writer.writerows([names[code], *values] for code, values in zip(codes, outputs.T.tolist(), strict=True))


if __name__ == "__main__":
    run(main)
