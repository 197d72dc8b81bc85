"""Predictions written to files, block by block. To add a format: a file with its `Writer`, and its line in WRITERS.

Each rank encodes its own rows; rank 0 writes what the ranks send it, in the order of rows. It is never all in memory:
the table goes through in windows, of which each rank has some blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from distnn.errors import UserError
from distnn.inference.predictions import Table
from distnn.inference.writers import columnar, hdf, npy, text
from distnn.inference.writers.writer import Sink, Writer
from distnn.parallel.ranks import Ranks
from distnn.storage.files import replacing, sweep

__all__ = ["WRITERS", "Writer", "on_stdout", "write", "writer_for"]

# By the ending of the file's name.
WRITERS: dict[str, Writer] = {
    ".csv": text.CSV,
    ".npy": npy.NPY,
    ".parquet": columnar.PARQUET,
    ".arrow": columnar.ARROW,
    ".feather": columnar.ARROW,
    ".h5": hdf.HDF5,
}
ON_STDOUT = ".csv"
WINDOW = 1 << 24  # numbers that a rank has at a time


def on_stdout(out: str | None) -> bool:
    """Is this, as --out, stdout?"""
    return out is None or out == "-"


def writer_for(out: str | None) -> Writer:
    """The writer for a file of this name, or for stdout. Local. UserError for an unknown ending, a missing package."""
    ending = ON_STDOUT if out is None or on_stdout(out) else Path(out).suffix
    if ending not in WRITERS:
        *others, last = WRITERS
        raise UserError(f"--out {out}: the name must end with {', '.join(others)} or {last}.")
    WRITERS[ending].require()
    return WRITERS[ending]


def write(predictions: Table, writer: Writer, out: str | None, ranks: Ranks) -> None:
    """Compute the predictions, and write them to the file `out`, or to stdout. Collective.

    The file is moved into its place when it is whole. UserError, on all ranks, for bad rows, and if it cannot be
    written.
    """
    sink: Sink | None = None
    with ExitStack() as stack:  # which removes what was written, if anything fails
        with ranks.sharing_errors(), _said(out):
            if ranks.rank == 0:
                sink = _opened(predictions, writer, out, stack)
        for blocks in _windows(predictions, ranks):
            parts: list[Any] = []
            with ranks.sharing_errors():
                parts = [writer.encode(predictions.fields, predictions.block(block)) for block in blocks]
            enough = False
            with ranks.sharing_errors(), _said(out):
                enough = _passed_on(ranks, parts, sink)
            if ranks.broadcast(enough):
                break
        with ranks.sharing_errors(), _said(out):
            stack.pop_all().close()


def _windows(predictions: Table, ranks: Ranks) -> Iterator[range]:
    """This rank's blocks of each window. Collective: the source is told which rows come next."""
    application = predictions.application
    cut = application.cut
    most = max(1, WINDOW // (cut.rows * len(predictions.fields)))
    share = min(most, -(-cut.count // ranks.size))
    for first in range(0, cut.count, share * ranks.size):
        start, stop = (min(first + share * (ranks.rank + i), cut.count) for i in (0, 1))
        rows = [cut.bounds(block) for block in range(start, stop)]
        application.source.prepare(*((rows[0][0], rows[-1][1]) if rows else (0, 0)))
        yield range(start, stop)


def _opened(predictions: Table, writer: Writer, out: str | None, stack: ExitStack) -> Sink:
    """What writes to the file, which is in the stack's hands. Local to rank 0."""
    if out is None or on_stdout(out):
        context: AbstractContextManager[IO[Any]] = _stdout()
    else:
        sweep(Path(out).parent, escape(Path(out).name))  # what a process left that was killed in this
        context = replacing(Path(out), "w+b")
    file = context.__enter__()
    stack.push(_quiet(context))
    sink = writer.open(file, predictions.fields, predictions.n)
    stack.push(_quiet(closing(sink)))
    return sink


def _quiet(context: AbstractContextManager[Any]) -> Callable[..., None]:
    """Leaves the context; where something has failed, that is what is told, whatever fails in consequence."""

    def leave(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(Exception) if error is not None else nullcontext():
            context.__exit__(kind, error, trace)

    return leave


def _passed_on(ranks: Ranks, parts: Sequence[Any], sink: Sink | None) -> bool:
    """Write the parts of all ranks, on rank 0. Collective. Returns whether who reads stdout has seen enough.

    If rank 0 cannot write, it still takes what the others send, so that none of them waits for ever.
    """
    received = ranks.in_order(parts)
    if sink is None:
        for _ in received:
            pass
        return False
    try:
        for part in received:
            sink.add(part)
    except BrokenPipeError:
        return True
    finally:
        received.close()  # type: ignore[attr-defined]
    return False


@contextmanager
def _said(out: str | None) -> Iterator[None]:
    """A sentence for whatever the system says of the file; that who reads stdout has seen enough is no error."""
    try:
        yield
    except OSError as error:
        if on_stdout(out) and isinstance(error, BrokenPipeError):
            return
        where = "stdout" if on_stdout(out) else f"--out {out}"
        raise UserError(f"{where} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _stdout() -> Iterator[IO[bytes]]:
    """stdout as a file, which raises where it cannot be written."""
    sys.stdout.flush()
    file = open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115
    try:
        yield file
        file.flush()
    finally:
        with suppress(OSError):  # of what is left after an error
            file.close()
