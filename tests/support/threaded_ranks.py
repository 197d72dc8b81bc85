"""Ranks as threads of one process: what MPI does, without MPI, for serial tests on any number of ranks.

results = on_ranks(5, lambda ranks: fit(X[ranks.rank :: 5], …, comm=ranks))

A rank that waits for others that never come ends the test: a hang is a failure.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from patience import PATIENCE

from distnn.parallel.mpi import MPIRanks
from distnn.parallel.ranks import Ranks

T = TypeVar("T")
ENDED = object()  # in the place of a message that never comes: the job was ended


class Wire:
    """What the ranks share."""

    def __init__(self, size: int):
        self.size = size
        self.barrier, self.all_come = threading.Barrier(size), threading.Barrier(size)
        self.slots: list[Any] = [None] * size
        self.mail = {(a, b): queue.Queue[Any]() for a in range(size) for b in range(size)}
        self.posts = [queue.SimpleQueue[Any]() for _ in range(size)]


class Comm:
    """The part of an mpi4py communicator that the package uses."""

    def __init__(self, wire: Wire, rank: int):
        self.wire, self.rank = wire, rank

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.wire.size

    def allgather(self, value: Any) -> list[Any]:
        self.wire.slots[self.rank] = value
        self.wire.barrier.wait(PATIENCE)
        found = list(self.wire.slots)
        self.wire.barrier.wait(PATIENCE)
        return found

    def bcast(self, value: Any, root: int) -> Any:
        return self.allgather(value)[root]

    def Allreduce(self, in_place: None, values: np.ndarray, op: np.ufunc) -> None:
        parts = self.allgather(values.copy())
        assert len({(part.dtype, part.shape) for part in parts}) == 1, "the ranks are in different reductions"
        values[...] = op.reduce(parts)

    def Reduce_scatter(self, values: np.ndarray, own: np.ndarray, counts: list[int], op: np.ufunc) -> None:
        found = values.copy()
        self.Allreduce(None, found, op)
        start = sum(counts[: self.rank])
        own[...] = found[start : start + counts[self.rank]]

    def Allgatherv(self, values: np.ndarray, into: tuple[np.ndarray, list[int]]) -> None:
        found, counts = into
        parts = self.allgather(values.copy())
        assert [part.size for part in parts] == list(counts), "the ranks show something else than was announced"
        found[...] = np.concatenate(parts)

    def Iallreduce(self, in_place: None, values: np.ndarray, op: np.ufunc) -> SimpleNamespace:
        self.Allreduce(in_place, values, op)
        return SimpleNamespace(Test=lambda: True)

    def alltoall(self, parts: list[Any]) -> list[Any]:
        return [sent[self.rank] for sent in self.allgather(parts)]

    def Split(self, group: int, key: int) -> Comm:
        groups = self.allgather(group)
        members = [rank for rank, of in enumerate(groups) if of == group]
        wires = self.allgather(Wire(len(members)) if self.rank == members[0] else None)
        return Comm(wires[members[0]], members.index(self.rank))

    def Free(self) -> None:
        pass

    def send(self, value: Any, dest: int, tag: int) -> None:
        self.wire.mail[self.rank, dest].put(value)

    def isend(self, value: Any, dest: int, tag: int) -> SimpleNamespace:
        self.send(value, dest, tag)
        return SimpleNamespace(wait=lambda: None)

    def recv(self, source: int, tag: int) -> Any:
        mail = self.wire.mail[source, self.rank]
        found = mail.get(timeout=PATIENCE)
        if found is ENDED:
            mail.put(ENDED)
            raise threading.BrokenBarrierError
        return found


class ThreadRanks(MPIRanks):
    def __init__(self, comm: Comm):
        self.comm, self.rank, self.size, self.seconds = comm, comm.rank, comm.wire.size, 0.0
        self._in_place, self._max, self._sum = None, np.maximum, np.add

    def post(self, value: Any, rank: int) -> None:
        self.comm.wire.posts[rank].put((self.rank, value))

    def posted(self) -> list[tuple[int, Any]]:
        posts = self.comm.wire.posts[self.rank]
        return [posts.get() for _ in range(posts.qsize())]

    def rest(self) -> None:
        self.comm.wire.barrier.wait(PATIENCE)

    def all_come(self, seconds: float) -> bool:
        try:
            self.comm.wire.all_come.wait(seconds)
        except threading.BrokenBarrierError:
            return False
        return True

    def abort(self, code: int) -> None:
        self.comm.wire.barrier.abort()
        for mail in self.comm.wire.mail.values():
            mail.put(ENDED)


def on_ranks(size: int, work: Callable[[Ranks], T]) -> list[T]:
    """What work(ranks) returns on each of `size` ranks; an error of a rank, the lowest one's first, is raised."""
    return outcomes(size, work, raising=True)


def outcomes(size: int, work: Callable[[Ranks], Any], raising: bool = False) -> list[Any]:
    """What work(ranks) returns, or the exception that it raises, on each of `size` ranks."""
    wire, begun = Wire(size), threading.Semaphore(0)
    found: list[Any] = [None] * size

    def one(rank: int) -> None:
        begun.release()
        try:
            found[rank] = work(ThreadRanks(Comm(wire, rank)))
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=one, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
        begun.acquire()  # Python 3.11 ends a thread at its start while coverage begins to trace another
    for thread in threads:
        thread.join(3 * PATIENCE)
        assert not thread.is_alive(), "a rank hangs"
    errors = [result for result in found if isinstance(result, Exception)]
    if raising and errors:
        raise next((error for error in errors if not isinstance(error, threading.BrokenBarrierError)), errors[0])
    return found
