"""The ranks that an estimator is fitted on, and which of its rows are whose."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from operator import add
from typing import Any, TypeVar

import numpy as np

from distnn.errors import UserError
from distnn.parallel.agreement import require_same
from distnn.parallel.launcher import connect
from distnn.parallel.ranks import Ranks

T = TypeVar("T")
LOCAL = ("random_state",)  # may differ over the ranks: rank 0's counts
_communicator: ContextVar[Any] = ContextVar("communicator", default=None)


@contextmanager
def communicator(comm: Any) -> Iterator[None]:
    """Fit estimators on the ranks of `comm`, an mpi4py communicator, in the body; without it, on all of the job.

    It is no parameter of estimators, since these are cloned, stored and sent to other processes.
    """
    token = _communicator.set(comm)
    try:
        yield
    finally:
        _communicator.reset(token)


def current() -> Ranks:
    """The ranks to fit on. Collective the first time."""
    return connect(_communicator.get())


def together(
    ranks: Ranks, rows: str, work: Callable[[], tuple[T, list[np.ndarray | None]]], parameters: Mapping[str, Any]
) -> tuple[T, slice, int]:
    """What work() returns, which rows of its arrays are this rank's part of the table, and n. Collective; n replicated.

    work: local; also returns the arrays, of one length. rows: "all", each rank has passed all rows, the same, and
    shares them with the others; or "own". An error is raised on all ranks, and on this one as it is if it is its own:
    scikit-learn's callers know it by its class. UserError if what should be the same on all ranks is not: their
    rows, or the parameters.
    """
    error: Exception | None = None
    arrays: list[np.ndarray | None] = []
    try:
        if rows not in ("all", "own"):
            raise UserError(f'rows={rows!r}: "all" if every rank passes all rows, or "own".')
        value, arrays = work()
    except Exception as caught:
        error = caught
    n = len(arrays[0]) if arrays and arrays[0] is not None else 0
    mine = (None if error is None else str(error), n, _hash(arrays, ranks) if rows == "all" else b"")
    everyones = ranks.gather(mine)
    if error is not None:
        raise error
    wrong = [(rank, text) for rank, (text, *_) in enumerate(everyones) if text]
    if wrong:
        raise UserError("Rank {}: {}".format(*wrong[0]))
    require_same({name: value for name, value in parameters.items() if name not in LOCAL}, ranks)
    if len({digest for *_, digest in everyones}) > 1:
        raise UserError('rows="all": the ranks pass different rows. With rows="own" each passes its own ones.')
    if rows == "own":
        return value, slice(None), sum(n for _, n, *_ in everyones)
    return value, slice(ranks.rank * n // ranks.size, (ranks.rank + 1) * n // ranks.size), n


def _hash(arrays: list[np.ndarray | None], ranks: Ranks) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays if ranks.size > 1 else []:
        digest.update(repr(None if array is None else (array.dtype, array.shape)).encode())
        if array is not None:
            digest.update(repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).data)
    return digest.digest()


def total(weights: np.ndarray | None, rows: int, ranks: Ranks) -> float:
    """Σ weights over all ranks' parts of the table, (rows,) each; n where there are none. Collective, replicated.

    The same bits however the rows are cut: fractions are summed.
    """
    return float(ranks.merged(Fraction(rows) if weights is None else _exact(weights), add))


def _exact(numbers: np.ndarray) -> Fraction:
    """The sum of float64 numbers: for each exponent that of the mantissas, which are whole numbers."""
    mantissas, exponents = np.frexp(numbers)
    whole, found = np.ldexp(mantissas, 53).astype(np.int64), Fraction(0)
    for exponent in np.unique(exponents):
        those = whole[exponents == exponent]
        high, low = int((those >> 26).sum()), int((those & (2**26 - 1)).sum())  # neither sum overflows
        found += Fraction((high << 26) + low) * Fraction(2) ** (int(exponent) - 53)
    return found
