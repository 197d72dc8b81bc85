"""Predictions written to files.

To add a format: a function that writes it, and its line in WRITERS.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from glob import escape
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.parallel.ranks import Ranks
from distnn.storage.files import replacing, sweep

BOUNDS = ("lower", "upper", "new lower", "new upper")  # of the function, then of a new observation


def write_csv(model: Model, parts: Iterable[np.ndarray], n: int, file: IO[str], more: Sequence[str] = ()) -> None:
    """A line of names, then a line for each row; numbers are written so that they read back to the bit."""
    writer = csv.writer(file, lineterminator="\n")
    preparation = model.preparation
    if preparation.classes is None:
        writer.writerow([*_outputs(model), *more])
        for outputs in parts:
            writer.writerows(_in_units(model, outputs).T.tolist())
        return
    classes = preparation.classes.names
    writer.writerow([preparation.targets[0], *_outputs(model), *more])
    for outputs in parts:
        codes = preparation.classes.decode(outputs[: model.network.d[-1]])
        writer.writerows([classes[code], *values] for code, values in zip(codes, outputs.T.tolist(), strict=True))


def write_npy(model: Model, parts: Iterable[np.ndarray], n: int, file: IO[bytes], more: Sequence[str] = ()) -> None:
    """The outputs as an array n × d^(L), float64, in the units of the table; then `more` columns."""
    shape = (n, model.network.d[-1] + len(more))
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    for outputs in parts:
        file.write(np.ascontiguousarray(_in_units(model, outputs).T, "<f8").tobytes())


def _in_units(model: Model, outputs: np.ndarray) -> np.ndarray:
    """Outputs, and what more stands below them, in the units of the table, float64."""
    m = model.network.d[-1]
    own = model.unscale(outputs[:m])
    return own if len(outputs) == m else np.vstack([own, outputs[m:]])


def _outputs(model: Model) -> list[str]:
    """The names of the outputs."""
    preparation = model.preparation
    if preparation.classes is None:
        return list(preparation.targets)
    classes = preparation.classes.names
    of = classes if len(classes) == model.network.d[-1] else ("",)
    return [f"output {name}".rstrip() for name in of]


def columns(model: Model, derivatives: bool = False, intervals: bool = False) -> list[str]:
    """The names of what stands below the outputs, as `Application.outputs` gives it: bounds, then derivatives."""
    outputs, inputs = _outputs(model), model.preparation.inputs
    names = [f"{output} {bound}" for output in outputs for bound in BOUNDS] * intervals
    return names + [f"d {output} / d {name}" for output in outputs for name in inputs] * derivatives


class Writer(NamedTuple):
    """A format. Local.

    write(model, parts, n, file, more): the outputs of n rows, each part d^(L) × rows, to a file that was opened with
    `mode`; more: the names of the rows that stand below the outputs, in the units of the table.
    holds: what it holds, for --help.
    """

    write: Callable[[Model, Iterable[np.ndarray], int, IO[Any], Sequence[str]], None]
    mode: str
    holds: str


# By the ending of the file's name.
WRITERS = {
    ".csv": Writer(write_csv, "w", "for classes: the class, then the outputs"),
    ".npy": Writer(write_npy, "wb", "the outputs"),
}
ON_STDOUT = ".csv"


def writer_for(out: str | None) -> Writer:
    """The writer for a file of this name, or for stdout where out is None. Local. UserError for an unknown ending."""
    ending = ON_STDOUT if out is None else Path(out).suffix
    if ending not in WRITERS:
        raise UserError(f"--out {out}: the name must end with {' or '.join(WRITERS)}.")
    return WRITERS[ending]


def write(
    model: Model, outputs: Sequence[np.ndarray], n: int, out: str | None, ranks: Ranks, more: Sequence[str] = ()
) -> None:
    """Write the outputs of all ranks' blocks, n rows, in the format that the name says. Collective.

    outputs: of this rank's blocks, each d^(L) × rows, and what is named by `more`, as `Application.outputs` gives them
    and `columns` names it. UserError, on all ranks, if they cannot be written.
    """
    writer = writer_for(out)
    # Rank 0 writes for all; if it cannot, it still takes what the others send, so that none of them waits for ever.
    with ranks.sharing_errors():
        parts = ranks.in_order(outputs)
        if ranks.rank > 0:
            for _ in parts:
                pass
            return
        try:
            if out is not None:
                sweep(Path(out).parent, escape(Path(out).name))  # what a process left that was killed in this
            with _stdout() if out is None else replacing(Path(out), writer.mode) as file:
                writer.write(model, parts, n, file, more)
        except BrokenPipeError:  # whoever read stdout has seen enough
            pass
        except OSError as error:
            where = "stdout" if out is None else f"--out {out}"
            raise UserError(f"{where} cannot be written: {error.strerror}.") from None
        finally:
            parts.close()  # type: ignore[attr-defined]


def _stdout() -> IO[str]:
    """stdout, encoded as a file would be, whatever the terminal knows; it raises where it cannot be written."""
    sys.stdout.flush()
    return open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
