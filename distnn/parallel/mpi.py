"""The ranks of an MPI communicator: what they say to each other, in MPI's words."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from distnn.errors import RankError, RanksLost, TooLittleRoom, UserError, out_of_memory
from distnn.parallel import in_order
from distnn.parallel.ranks import LoneRank, Ranks, T

SURVIVABLE = "OMPI_MCA_mpi_ft_enable"  # is 1 where Open MPI's mpirun was told --with-ft ulfm
ABORT_SECONDS = 5.0  # that MPI gets to end the job before this process ends by itself
HEARD = 0.5  # seconds for what was said to get through a launcher, which the end of the job ends too
FINALIZE_SECONDS = 60.0  # that the other ranks get to come to the end, too
HERE, POST, MERGED, ROWS = 2, 4, 5, 6  # tags: of `all_come`, `post`, `merged` and `redistribute`; in_order.py has more
AT_ONCE = 1e-3  # seconds; who comes so soon is waited for without sleep
MESSAGE = 1 << 18  # numbers that are summed at a time: MPI needs memory for as many, and is as fast


class MPIRanks(Ranks):
    """The ranks of an MPI communicator (an mpi4py `Comm`)."""

    regrouped = False  # is `comm` what was left of another one?

    def __init__(self, comm: Any):
        from mpi4py import MPI

        self.comm = comm
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._in_place, self._max, self._sum = MPI.IN_PLACE, MPI.MAX, MPI.SUM

    @cached_property
    def _on_their_way(self) -> list[Any]:
        return []  # requests of what was posted

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

    def sum_shared_out(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        own = np.empty(counts[self.rank], values.dtype)
        with self._call:
            self.comm.Reduce_scatter(values, own, counts, self._sum)
        return own

    def concatenate(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        found = np.empty(sum(counts))
        with self._call:
            self.comm.Allgatherv(values, [found, counts])
        return found

    def broadcast(self, value: Any) -> Any:
        with self._call:
            return self.comm.bcast(value, 0)

    def merged(self, value: T, together: Callable[[T, T], T]) -> T:
        """Along a binomial tree to rank 0. MPI's own gathers take P - 1 messages where there is much to gather."""
        with self._call:
            step = 1
            while step < self.size and not self.rank & step:
                if self.rank + step < self.size:
                    value = together(value, self.comm.recv(source=self.rank + step, tag=MERGED))
                step *= 2
            if self.rank:
                self.comm.send(value, self.rank - step, MERGED)
            return self.comm.bcast(value if self.rank == 0 else None, 0)

    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        return in_order.received(self, parts) if self.rank == 0 else in_order.sent(self, parts)

    def send(self, value: Any, rank: int, tag: int) -> None:
        with self._call:
            self.comm.send(value, rank, tag)

    def receive(self, rank: int, tag: int) -> Any:
        with self._call:
            return self.comm.recv(source=rank, tag=tag)

    def exchange(self, parts: Sequence[Any]) -> list[Any]:
        with self._call:
            return self.comm.alltoall(parts)

    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Messages go between ranks that have something for each other, and no others."""
        rows = np.ascontiguousarray(rows, np.float64)
        lengths, starts, stops = self.tabled((len(rows), start, stop)).T
        ends = np.cumsum(lengths)
        firsts, rank = ends - lengths, self.rank
        with self._call:
            parts = {other: rows[part] for other, part in _shared(starts, stops, firsts[rank], ends[rank])}
            sent = [self.comm.isend(part, other, ROWS) for other, part in parts.items() if other != rank]
            holders = [other for other, _ in _shared(firsts, ends, start, stop)]
            found = [parts[rank] if other == rank else self.comm.recv(source=other, tag=ROWS) for other in holders]
            for request in sent:
                request.wait()
        return np.concatenate([rows[:0], *found])

    def rest(self) -> None:
        request = self.comm.Ibarrier()
        while not request.Test():
            time.sleep(1e-3)

    def all_come(self, seconds: float) -> bool:
        """Each says so to rank 0, which answers when all have: point to point, since others may be in a collective."""
        if self.rank != 0:
            self.comm.send(None, 0, HERE)
            return self._arrive([0], seconds)
        if not self._arrive(range(1, self.size), seconds):
            return False
        for rank in range(1, self.size):
            self.comm.send(None, rank, HERE)
        return True

    def _arrive(self, senders: Sequence[int], seconds: float) -> bool:
        """Does a message HERE of each of these ranks arrive in time?"""
        deadline = time.monotonic() + seconds
        for sender in senders:
            while not self.comm.iprobe(sender, HERE):
                if time.monotonic() > deadline:
                    return False
                time.sleep(1e-3)
            self.comm.recv(source=sender, tag=HERE)
        return True

    def split(self, group: int) -> Ranks:
        with self._call:
            comm = self.comm.Split(group, self.rank)
        if comm.Get_size() > 1:
            return type(self)(comm)
        comm.Free()
        return LoneRank(self)

    def free(self) -> None:
        self.comm.Free()

    def post(self, value: Any, rank: int) -> None:
        self._on_their_way = [request for request in self._on_their_way if not request.Test()]
        self._on_their_way.append(self.comm.isend(value, rank, POST))

    def posted(self) -> list[tuple[int, Any]]:
        from mpi4py import MPI

        found, status = [], MPI.Status()
        while self.comm.iprobe(MPI.ANY_SOURCE, POST, status):
            rank = status.Get_source()
            found.append((rank, self.comm.recv(source=rank, tag=POST)))
        return found

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
        time.sleep(HEARD)
        self._living().Abort(code)
        time.sleep(2 * ABORT_SECONDS)  # some libraries come back from it

    def _living(self) -> Any:
        """The communicator, or that of all ranks where a script has freed it."""
        from mpi4py import MPI

        return MPI.COMM_WORLD if self.comm == MPI.COMM_NULL else self.comm

    def leave(self, code: int) -> NoReturn:
        from mpi4py import MPI

        if self.regrouped:  # then MPI does not always come back from its end; all ranks have agreed on theirs
            os._exit(code)
        fallback = threading.Timer(FINALIZE_SECONDS, os._exit, (code,))  # where a rank stops just before it
        fallback.daemon = True
        fallback.start()
        here = self.comm.Ibarrier()
        while not here.Test():
            time.sleep(1e-3)
        self.posted()  # what nobody took, as where all have failed: MPI does not end well with it
        MPI.Finalize()
        fallback.cancel()
        sys.exit(code)

    @contextmanager
    def sharing_errors(self) -> Iterator[None]:
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        failed = np.array([0.0 if error is None else 1.0])
        with self._call:
            _patiently(self.comm.Iallreduce(self._in_place, failed, self._max))
        if failed[0]:
            self.raise_together(error)

    def raise_together(self, error: Exception | None) -> None:
        found = self.merged(describe(error, self.rank), lambda a, b: a or b)
        assert found is not None
        kind, text = found
        raise KINDS[kind](text) from error


def _shared(starts: np.ndarray, stops: np.ndarray, start: int, stop: int) -> Iterator[tuple[int, slice]]:
    """Which of the ranges [starts, stops) share numbers with [start, stop), and what of it, counted from `start`."""
    low, high = np.maximum(starts, start) - start, np.minimum(stops, stop) - start
    for other in np.flatnonzero(high > low).tolist():
        yield other, slice(low[other], high[other])


def _patiently(request: Any) -> None:
    """Wait for what may take another rank long, and leave it the core: MPI's own wait is a busy one."""
    start = time.perf_counter()
    while not request.Test():
        if time.perf_counter() - start > AT_ONCE:
            time.sleep(1e-3)


KINDS = {"user": UserError, "room": TooLittleRoom, "rank": RankError}


class _Call:
    """Around the calls of MPI: how long one takes, that this rank waits in it, and what its error means.

    Not around those of `rest` and `all_come`, which sleep between looks and are not used within an attempt; of
    `all_finished` and `regroup`, which deal with lost ranks themselves; and of `abort` and `leave`, which end it all.
    """

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
    if isinstance(error, MemoryError):
        error = out_of_memory(error, rank)
    if isinstance(error, UserError):
        return "room" if isinstance(error, TooLittleRoom) else "user", str(error)
    if isinstance(error, RankError):
        return "rank", str(error)
    trace = "".join(traceback.format_exception(error)).rstrip()
    return "rank", f"rank {rank} failed: {type(error).__name__}: {error}\n{trace}"


def mpi_library() -> str:
    """The name of the MPI library that mpi4py has loaded, in words. Local."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):
        return "no MPI library that Python can load"
    return f"the MPI library in use ({MPI.Get_library_version().splitlines()[0].strip()[:40]})"
