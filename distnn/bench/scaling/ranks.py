"""The ranks of a simulated job: `MPIRanks`, as ever, over a communicator of SimGrid's MPI."""

from __future__ import annotations

import ctypes
import os
import pickle
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from distnn.bench.scaling.simgrid import VOID, compute, library, now
from distnn.parallel.mpi import MPIRanks
from distnn.parallel.ranks import AnyTerms, TwoPhaseSum

IN_PLACE = VOID(-222)
LENGTH = struct.Struct("q")
LONGEST = 1 << 21  # bytes of a message from one rank to another; what is not written to takes no memory
TYPES = {"f8": "smpi_MPI_DOUBLE", "i8": "smpi_MPI_INT64_T", "u8": "smpi_MPI_UINT64_T"}


class SimgridComm:
    """The part of an mpi4py communicator that `MPIRanks` uses in a training."""

    def __init__(self) -> None:
        self.lib = library()
        self.world = VOID.in_dll(self.lib, "MPI_COMM_WORLD")
        self.byte = self._named("smpi_MPI_BYTE")
        self.rank = self._number(self.lib.MPI_Comm_rank)

    def _named(self, name: str) -> VOID:
        return VOID(ctypes.addressof(ctypes.c_char.in_dll(self.lib, name)))

    def _number(self, call: Callable[..., int]) -> int:
        found = ctypes.c_int()
        call(self.world, ctypes.byref(found))
        return found.value

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self._number(self.lib.MPI_Comm_size)

    def Allreduce(self, in_place: None, values: np.ndarray, op: str) -> None:
        kind = self._named(TYPES[values.dtype.str[1:]])
        self.lib.MPI_Allreduce(IN_PLACE, VOID(values.ctypes.data), len(values), kind, self._named(op), self.world)

    def Iallreduce(self, in_place: None, values: np.ndarray, op: str) -> SimpleNamespace:
        self.Allreduce(in_place, values, op)
        return SimpleNamespace(Test=lambda: True)

    def bcast(self, value: Any, root: int) -> Any:
        data = pickle.dumps(value) if self.rank == root else b""
        length = ctypes.create_string_buffer(LENGTH.pack(len(data)), LENGTH.size)
        self.lib.MPI_Bcast(length, LENGTH.size, self.byte, root, self.world)
        (size,) = LENGTH.unpack(length.raw)
        buffer = ctypes.create_string_buffer(data, size)
        self.lib.MPI_Bcast(buffer, size, self.byte, root, self.world)
        return value if self.rank == root else pickle.loads(buffer.raw)

    def send(self, value: Any, dest: int, tag: int) -> None:
        data = pickle.dumps(value)
        self.lib.MPI_Send(data, len(data), self.byte, dest, tag, self.world)

    def isend(self, value: Any, dest: int, tag: int) -> SimpleNamespace:
        data, request = pickle.dumps(value), VOID()
        self.lib.MPI_Isend(data, len(data), self.byte, dest, tag, self.world, ctypes.byref(request))

        def wait() -> None:
            self.lib.MPI_Wait(ctypes.byref(request), None)
            assert data  # was kept until now

        return SimpleNamespace(wait=wait)

    def recv(self, source: int, tag: int) -> Any:
        """Into memory for the longest message: MPI_Probe would look again and again, a step of the simulation each."""
        buffer, status, size = np.empty(LONGEST, np.uint8), ctypes.create_string_buffer(64), ctypes.c_int()
        self.lib.MPI_Recv(VOID(buffer.ctypes.data), LONGEST, self.byte, source, tag, self.world, status)
        self.lib.MPI_Get_count(status, self.byte, ctypes.byref(size))
        return pickle.loads(buffer[: size.value].tobytes())

    def barrier(self) -> None:
        self.lib.MPI_Barrier(self.world)


class SimgridRanks(MPIRanks):
    """Ranks that are simulated.

    busy(numbers): the seconds that this rank computes for a sum whose first message has so many numbers. clock: these
    numbers, and the simulated time when the sum was over, of each.
    """

    def __init__(self, busy: Callable[[int], float]):
        self.comm: Any = SimgridComm()
        self.rank, self.size, self.seconds = self.comm.Get_rank(), self.comm.Get_size(), 0.0
        operations: Any = (None, "smpi_MPI_MAX", "smpi_MPI_SUM")  # for `SimgridComm`, in the place of mpi4py's
        self._in_place, self._max, self._sum = operations
        self.busy = busy
        self.clock: list[tuple[int, float]] = []

    def add_up(self, sums: TwoPhaseSum, term: AnyTerms) -> np.ndarray:
        numbers = len(sums.message)
        compute(self.busy(numbers))
        total = super().add_up(sums, term)
        self.clock.append((numbers, now()))
        return total

    def rest(self) -> None:
        self.comm.barrier()

    def all_come(self, seconds: float) -> bool:
        return False  # the others may never come

    def abort(self, code: int) -> None:
        os._exit(code)
