"""The ranks of a job, as everything above them sees them: `Ranks`, and the one process that is its own job.

`MPIRanks` (mpi.py) are the processes of an MPI job, `SimulatedRanks` (simulated.py) play many on a few; launcher.py's
`connect` says which of them a process is.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from operator import add
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np

from distnn.errors import BAD_USE, FAILED, RankError, UserError, out_of_memory

ALONE_SECONDS = 3.0  # that the other ranks get to come with the same error
Term = Callable[[int, np.ndarray], float | None]
T = TypeVar("T")


class RemoteTerms(ABC):
    """A rank's terms that are computed, rounded and added elsewhere, on an accelerator: only their sum comes here."""

    @abstractmethod
    def among(self, numbers: Sequence[int]) -> RemoteTerms:
        """The terms of these numbers alone. Local."""

    @abstractmethod
    def add(self, magic: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Write the sum of all terms to total, and return the largest magnitudes of each row, NaN where one is. Local.

        magic: of each row, as `fixed_point.Rounding` has it. What is added, modulo 2^64, are the integers, int64,
        behind all float64 term + magic, less that behind magic.
        """


AnyTerms = Term | RemoteTerms


class TwoPhaseSum(Protocol):
    """A sum over ranks: MAX of `message` between `first` and `second`, SUM of `sum` between `second` and `result`.

    message: float64, its last two places free for `Ranks.agree`. sum: int64 or float64, its last place the number of
    ranks whose term raised an exception. error: that exception, if this rank is one of them.
    """

    local: int  # number of terms of this rank
    message: np.ndarray
    error: Exception | None

    @property
    def sum(self) -> np.ndarray: ...

    def combine(self, ranks: Ranks) -> None:
        """SUM of `sum`. Collective."""

    def like(self, local: int) -> TwoPhaseSum:
        """A new sum of the same kind and parts, of so many terms of this rank. Local."""

    def first(self, term: AnyTerms) -> None:
        """Compute this rank's terms, and its part of `message`. Local."""

    def second(self, term: AnyTerms) -> None:
        """After MAX: this rank's part of `sum`. Local."""

    def result(self) -> np.ndarray:
        """After SUM: the sum over all ranks. Local, replicated."""


class Ranks(ABC):
    """The ranks of a job, seen from one of them.

    Every method that communicates is collective: all ranks call it, in the same order.
    """

    rank = 0
    size = 1
    seconds = 0.0  # spent in communication, local
    stop_request = 0  # a signal that this rank has caught, or what rank 0's clock or a file asks for; 0: none; local
    signal = 0  # the largest `stop_request` of all ranks at the last `agree`; replicated
    now = 0.0  # rank 0's clock at the last `agree`, in seconds; replicated
    calls = 0  # of MPI so far, local
    waiting = False  # is this rank in a call of MPI? Local
    elastic = False  # may ranks be lost (RanksLost), so that the others go on? Replicated
    device: Any = None  # that this rank took before these ranks were split from others, if it did; local

    @abstractmethod
    def maximum(self, values: np.ndarray) -> None:
        """Replace a float64 vector, in place, by its elementwise maximum over ranks. Collective, replicated."""

    @abstractmethod
    def sum(self, values: np.ndarray) -> None:
        """Replace a contiguous array of numbers, in place, by its sum over ranks. Collective, replicated."""

    @abstractmethod
    def sum_shared_out(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """This rank's part of the sum of vectors over ranks. Collective, local.

        counts: how many numbers of it each rank gets, one after another.
        """

    @abstractmethod
    def concatenate(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """The vectors of all ranks, float64, one after another; counts: their lengths. Collective, replicated."""

    @abstractmethod
    def broadcast(self, value: Any) -> Any:
        """Rank 0's value, on all ranks. Collective, replicated."""

    @abstractmethod
    def merged(self, value: T, together: Callable[[T, T], T]) -> T:
        """All ranks' values put together in the order of ranks, two and two, on all ranks. Collective, replicated.

        together(a, b): of neighbours; associative, raises nothing, and may change a. A rank sends and receives at most
        ⌈log₂ P⌉ values, but for the broadcast of what they come to.
        """

    def gather(self, value: Any) -> list[Any]:
        """Every rank's value in the order of ranks, on all ranks. Collective, replicated.

        Each rank gets P values: for few and short ones. What they come to is had more cheaply by `merged`.
        """
        return self.merged([value], add)

    def tabled(self, numbers: Sequence[int]) -> np.ndarray:
        """A table of whole numbers, int64 (P, k), to which each rank gives its row (k,). Collective, replicated."""
        return self.merged(np.array([numbers], np.int64), lambda a, b: np.concatenate([a, b]))

    @abstractmethod
    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        """On rank 0 the parts of all ranks, rank after rank; nothing elsewhere. Collective: every rank iterates.

        If rank 0 leaves the iteration early, the other ranks still get rid of their parts and go on.
        """

    @abstractmethod
    def exchange(self, parts: Sequence[Any]) -> list[Any]:
        """What all ranks have for this one, in their order; parts: what this rank has for each. Collective, local."""

    @abstractmethod
    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of the table whose parts the ranks hold one after another. Collective, local.

        rows: float64, this rank's part of the table, (any number) × columns.
        """

    @abstractmethod
    def rest(self) -> None:
        """Wait for all ranks without using a core, as a barrier of MPI would. Collective."""

    @abstractmethod
    def sharing_errors(self) -> AbstractContextManager[None]:
        """Local work that may fail: an error on one rank is raised on all of them. Collective on leaving.

        The body may communicate only if every rank takes part to the end also where its own work has failed (by
        `finally`, say): a rank that left an exchange early would be waited for. UserError stays UserError; anything
        else becomes RankError with the failing rank's traceback. With one rank the exception passes through untouched.
        """

    @abstractmethod
    def raise_together(self, error: Exception | None) -> None:
        """Raise the error of the lowest rank that has one on all ranks. Called where some rank has one. Collective."""

    @abstractmethod
    def all_come(self, seconds: float) -> bool:
        """Do all ranks come here within so many seconds? Also where others wait in another call. Collective, if so."""

    @contextmanager
    def none_alone(self) -> Iterator[None]:
        """Where an error in words strikes one rank alone, outside `sharing_errors`, it ends the job, soon.

        An error of all ranks passes. One of some is printed by these, and they end the job: the others are about to
        wait for them, in vain. Memory that there is not is such an error, too.
        """
        try:
            try:
                yield
            except MemoryError as error:
                raise out_of_memory(error, self.rank) from error
        except (UserError, RankError) as error:
            if not self.all_come(ALONE_SECONDS):
                print(f"distnn: rank {self.rank}: {error}", file=sys.stderr, flush=True)
                self.abort(BAD_USE if isinstance(error, UserError) else FAILED)
            raise

    @abstractmethod
    def split(self, group: int) -> Ranks:
        """The ranks that say the same number, as ranks of their own, in the same order. Collective.

        Where one of them aborts, the whole job ends. `free` gives back what MPI needs for it.
        """

    def free(self) -> None:  # noqa: B027
        """These ranks, which `split` made, are not used any more. Collective."""

    @abstractmethod
    def post(self, value: Any, rank: int) -> None:
        """Send a few words to another rank, which takes them by `posted`, without waiting for it. Local."""

    @abstractmethod
    def posted(self) -> list[tuple[int, Any]]:
        """What other ranks have posted to this one since the last call, and who: in the order of each. Local."""

    @abstractmethod
    def be_elastic(self) -> bool:
        """Raise RanksLost from now on where ranks die, if this MPI can go on without them. Returns whether it can."""

    @abstractmethod
    def all_finished(self, finished: bool) -> bool:
        """Did all ranks finish? Elastic ranks ask after each attempt, also where ranks were lost. Collective."""

    @abstractmethod
    def regroup(self) -> None:
        """Go on with the ranks that are left, in the same order: `rank` and `size` change. Collective among them."""

    @abstractmethod
    def abort(self, code: int) -> None:
        """End this process, and with it the job, at once. Any thread may call it, also while MPI is stuck."""

    @abstractmethod
    def leave(self, code: int) -> NoReturn:
        """End this process with its exit code. Collective: MPI waits for all ranks here."""

    def agree(self, message: np.ndarray) -> None:
        """`maximum` of a message whose last two places are free for what ranks agree on: signals and the time.

        Decisions taken from `signal` and `now` are then the same on all ranks, at no further message. Collective.
        """
        message[-2] = self.stop_request
        message[-1] = time.monotonic() if self.rank == 0 else 0.0
        self.maximum(message)
        self.signal, self.now = int(message[-2]), float(message[-1])

    @np.errstate(all="ignore")
    def add_up(self, sums: TwoPhaseSum, term: AnyTerms) -> np.ndarray:
        """The sum of all terms of all ranks; term(j, out) writes this rank's term number j. Collective, replicated.

        It returns the number at its end, if it has one apart. Exact sums take RemoteTerms, too. An exception in a term
        is raised on all ranks.
        """
        sums.first(term)
        self.agree(sums.message)
        sums.second(term)
        sums.combine(self)
        if sums.sum[-1]:
            self.raise_together(sums.error)
        return sums.result()


class OneRank(Ranks):
    """One process, with or without MPI. Every collective call is the identity."""

    def maximum(self, values: np.ndarray) -> None:
        pass

    def sum(self, values: np.ndarray) -> None:
        pass

    def sum_shared_out(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        return values

    def concatenate(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        return values

    def broadcast(self, value: Any) -> Any:
        return value

    def merged(self, value: T, together: Callable[[T, T], T]) -> T:
        return value

    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        yield from parts

    def exchange(self, parts: Sequence[Any]) -> list[Any]:
        return list(parts)

    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        return rows[start:stop]

    def rest(self) -> None:
        pass

    @contextmanager
    def sharing_errors(self) -> Iterator[None]:
        yield

    def raise_together(self, error: Exception | None) -> None:
        if error is not None:
            raise error

    def all_come(self, seconds: float) -> bool:
        return True

    def split(self, group: int) -> Ranks:
        return OneRank()

    def post(self, value: Any, rank: int) -> None:
        raise ValueError("there is no other rank")

    def posted(self) -> list[tuple[int, Any]]:
        return []

    def be_elastic(self) -> bool:
        return False

    def all_finished(self, finished: bool) -> bool:
        return finished

    def regroup(self) -> None:
        pass

    def abort(self, code: int) -> None:
        os._exit(code)

    def leave(self, code: int) -> NoReturn:
        sys.exit(code)


class LoneRank(OneRank):
    """One of the ranks of a job on its own."""

    def __init__(self, everyone: Ranks):
        self.everyone = everyone

    def abort(self, code: int) -> None:
        self.everyone.abort(code)


def on_root(ranks: Ranks, work: Callable[[], Any]) -> Any:
    """What work() returns on rank 0, on all ranks; its error too. Collective, replicated."""
    value = None
    with ranks.sharing_errors():
        if ranks.rank == 0:
            value = work()
    return ranks.broadcast(value)
