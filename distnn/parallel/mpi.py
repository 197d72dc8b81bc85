"""The ranks of a job and what they say to each other. Only this file speaks MPI; launcher.py starts it.

`ranks(comm)` gives `OneRank` where there is one process or no MPI at all, `MPIRanks` otherwise. Both
have the same methods. Every method that communicates is collective: all ranks call it, in the same order.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from distnn.errors import RankError, RanksLost, UserError
from distnn.parallel.launcher import mpi_library, refuse_worlds_of_one, world

SURVIVABLE = "OMPI_MCA_mpi_ft_enable"  # is 1 where Open MPI's mpirun was told --with-ft ulfm
ABORT_SECONDS = 5.0  # that MPI gets to end the job before this process ends by itself
FINALIZE_SECONDS = 60.0  # that the other ranks get to come to the end, too
MESSAGE = 1 << 18  # numbers that are summed at a time: MPI needs memory for as many, and is as fast


class OneRank:
    """One process, with or without MPI. Every collective call is the identity."""

    rank = 0
    size = 1
    seconds = 0.0  # spent in communication, local
    caught = 0  # the number of the signal that this rank has caught, 0 for none; local
    signal = 0  # the largest `caught` of all ranks at the last `agree`; replicated
    now = 0.0  # rank 0's clock at the last `agree`, in seconds; replicated
    calls = 0  # of MPI so far, local
    waiting = False  # is this rank in a call of MPI? Local
    elastic = False  # may ranks be lost (RanksLost), so that the others go on? Replicated

    def maximum(self, values: np.ndarray) -> None:
        """Replace a float64 vector, in place, by its elementwise maximum over ranks. Collective, replicated."""

    def agree(self, message: np.ndarray) -> None:
        """`maximum` of a message whose last two places are free for what ranks agree on: signals and the time.

        Decisions taken from `signal` and `now` are then the same on all ranks, at no further message. Collective.
        """
        message[-2] = self.caught
        message[-1] = time.monotonic() if self.rank == 0 else 0.0
        self.maximum(message)
        self.signal, self.now = int(message[-2]), float(message[-1])

    def raise_together(self, error: Exception | None) -> None:
        """Raise the error of the lowest rank that has one on all ranks. Called where some rank has one. Collective."""
        if error is not None:
            raise error

    def sum(self, values: np.ndarray) -> None:
        """Replace a contiguous array of numbers, in place, by its sum over ranks. Collective, replicated."""

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value, on all ranks. Collective, replicated."""
        return value

    def broadcast_array(self, values: np.ndarray) -> None:
        """Replace an array, in place, by rank 0's. Collective, replicated."""

    def gather(self, value: Any) -> list[Any]:
        """Every rank's value in the order of ranks, on all ranks. Collective, replicated."""
        return [value]

    def gather_to_root(self, value: Any) -> list[Any]:
        """Every rank's value in the order of ranks on rank 0, an empty list elsewhere. Collective."""
        return [value]

    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        """On rank 0 the parts of all ranks, rank after rank; nothing elsewhere. Collective: every rank iterates.

        If rank 0 leaves the iteration early, the other ranks still get rid of their parts and go on.
        """
        yield from parts

    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of the table whose parts the ranks hold one after another. Collective, local.

        rows: float64, this rank's part of the table, (any number) × columns.
        """
        return rows[start:stop]

    def be_elastic(self) -> bool:
        """Raise RanksLost from now on where ranks die, if this MPI can go on without them. Returns whether it can."""
        return False

    def all_finished(self, finished: bool) -> bool:
        """Did all ranks finish? Elastic ranks ask after each attempt, also where ranks were lost. Collective."""
        return finished

    def regroup(self) -> None:
        """Go on with the ranks that are left, in the same order: `rank` and `size` change. Collective among them."""

    def abort(self, code: int) -> None:
        """End this process, and with it the job, at once. Any thread may call it, also while MPI is stuck."""
        os._exit(code)

    def leave(self, code: int) -> NoReturn:
        """End this process with its exit code. Collective: MPI waits for all ranks here."""
        sys.exit(code)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Local work that may fail: an error on one rank is raised on all of them. Collective on leaving.

        The body must not communicate. UserError stays UserError; anything else becomes RankError with
        the failing rank's traceback. With one rank the exception passes through untouched.
        """
        yield


class MPIRanks(OneRank):
    """The ranks of an MPI communicator (an mpi4py `Comm`)."""

    regrouped = False  # is `comm` what was left of another one?

    def __init__(self, comm: Any):
        from mpi4py import MPI

        self.comm = comm
        self.rank = comm.Get_rank()
        self.size = comm.Get_size()
        self.seconds = 0.0
        self._in_place, self._max, self._sum = MPI.IN_PLACE, MPI.MAX, MPI.SUM

    @cached_property
    def _call(self) -> _Call:
        return _Call(self)

    def maximum(self, values: np.ndarray) -> None:
        with self._call:
            self.comm.Allreduce(self._in_place, values, self._max)

    def sum(self, values: np.ndarray) -> None:
        if not values.flags.c_contiguous:
            raise ValueError("only a contiguous array can be summed in place")
        flat = values.reshape(-1)
        with self._call:
            for start in range(0, len(flat), MESSAGE):
                self.comm.Allreduce(self._in_place, flat[start : start + MESSAGE], self._sum)

    def broadcast(self, value: Any) -> Any:
        with self._call:
            return self.comm.bcast(value, 0)

    def broadcast_array(self, values: np.ndarray) -> None:
        with self._call:
            self.comm.Bcast(values, 0)

    def gather(self, value: Any) -> list[Any]:
        with self._call:
            return self.comm.allgather(value)

    def gather_to_root(self, value: Any) -> list[Any]:
        with self._call:
            return self.comm.gather(value, 0) or []

    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        if self.rank != 0:
            for part in parts:
                with self._call:
                    self.comm.send(part, 0)
            with self._call:
                self.comm.send(None, 0)
            return
        incoming = self._incoming()
        try:
            yield from parts
            yield from incoming
        finally:
            for _ in incoming:
                pass

    def _incoming(self) -> Iterator[Any]:
        for source in range(1, self.size):
            while True:
                with self._call:
                    part = self.comm.recv(source=source)
                if part is None:
                    break
                yield part

    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        rows = np.ascontiguousarray(rows, np.float64)
        first = np.cumsum([0, *self.gather(len(rows))])
        wanted = self.gather((start, stop))
        mine = (first[self.rank], first[self.rank + 1])

        def overlap(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
            low = max(a[0], b[0])
            return low, max(low, min(a[1], b[1]))

        parts = []
        for low, high in (overlap(mine, other) for other in wanted):
            parts.append(rows[low - mine[0] : high - mine[0]] if high > low else rows[:0])
        with self._call:
            received = self.comm.alltoall(parts)
        return np.concatenate(received)

    def be_elastic(self) -> bool:
        self.elastic = os.environ.get(SURVIVABLE) == "1" and "Open MPI" in mpi_library()
        return self.elastic

    def all_finished(self, finished: bool) -> bool:
        from mpi4py import MPI

        if not self.elastic:
            return finished
        if not finished and not self.comm.Is_revoked():
            self.comm.Revoke()  # nobody waits for the lost any more: all come here
        try:
            return bool(self.comm.Agree(int(finished)))
        except MPI.Exception:  # raised on all ranks: one has died, and not all of them knew
            return False

    def regroup(self) -> None:
        if not self.comm.Is_revoked():
            self.comm.Revoke()
        self.comm = self.comm.Shrink()
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.regrouped = True

    def abort(self, code: int) -> None:
        fallback = threading.Timer(ABORT_SECONDS, os._exit, (code,))
        fallback.daemon = True
        fallback.start()
        self.comm.Abort(code)

    def leave(self, code: int) -> NoReturn:
        from mpi4py import MPI

        if self.regrouped:  # then MPI does not always come back from its end; all ranks have agreed on theirs
            os._exit(code)
        fallback = threading.Timer(FINALIZE_SECONDS, os._exit, (code,))  # where a rank stops just before it
        fallback.daemon = True
        fallback.start()
        MPI.Finalize()
        fallback.cancel()
        sys.exit(code)

    @contextmanager
    def together(self) -> Iterator[None]:
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        failed = np.array([0.0 if error is None else 1.0])
        self.maximum(failed)
        if failed[0]:
            self.raise_together(error)

    def raise_together(self, error: Exception | None) -> None:
        kind, text = next(found for found in self.gather(describe(error, self.rank)) if found)
        raise (UserError if kind == "user" else RankError)(text) from error


class _Call:
    """Around every call of MPI: how long it takes, that this rank waits in it, and what its error means."""

    def __init__(self, ranks: MPIRanks):
        self.ranks, self.start = ranks, 0.0

    def __enter__(self) -> None:
        self.ranks.calls += 1
        self.ranks.waiting = True
        self.start = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.ranks.seconds += time.perf_counter() - self.start
        self.ranks.waiting = False
        if self.ranks.elastic and error is not None and _is_loss(error):
            raise RanksLost("ranks of this job have died") from error


def _is_loss(error: BaseException) -> bool:
    from mpi4py import MPI

    losses = (MPI.ERR_PROC_FAILED, MPI.ERR_PROC_FAILED_PENDING, MPI.ERR_REVOKED)
    return isinstance(error, MPI.Exception) and error.Get_error_class() in losses


def describe(error: Exception | None, rank: int) -> tuple[str, str] | None:
    """An exception as words that can be sent to other ranks: its kind, and its text."""
    if error is None:
        return None
    if isinstance(error, UserError):
        return "user", str(error)
    if isinstance(error, RankError):
        return "rank", str(error)
    trace = "".join(traceback.format_exception(error)).rstrip()
    return "rank", f"rank {rank} failed: {type(error).__name__}: {error}\n{trace}"


def ranks(comm: Any = None) -> OneRank:
    """The ranks of `comm`: an mpi4py communicator, or None for all processes of the job.

    None means COMM_WORLD where MPI is installed and one process where it is not. Refuses, with
    UserError, to run as one of many when the launcher started many but MPI connects none of them.
    """
    if isinstance(comm, OneRank):
        return comm
    if comm is None:
        comm = world()
    if comm is None or comm.Get_size() == 1:
        if comm is None or comm.Get_name() == "MPI_COMM_WORLD":
            refuse_worlds_of_one(os.environ)
        return OneRank()
    return MPIRanks(comm)
