"""An exception that nothing catches on one rank of a script ends all ranks: they would wait for it for ever."""

from __future__ import annotations

import builtins
import os
import signal
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from distnn.errors import FAILED, RankError, UserError
from distnn.parallel.launched import launched

if TYPE_CHECKING:
    from distnn.parallel.mpi import MPIRanks

TOGETHER_SECONDS = 3.0  # that the other ranks get to come to their end, too


class EndOfAll:
    """A `sys.excepthook`, in front of the one that there was, which prints the exception.

    Where all ranks come here, each ends by itself, as ever; what distnn raises on all of them is printed once. Else
    this rank ends the job, as with `python -m mpi4py`. Not where somebody types, who goes on after an exception; nor in
    a forked process.

    ranks: those that distnn was last used with; None: none yet, then all of MPI's.
    """

    def __init__(self) -> None:
        self.ranks: MPIRanks | None = None
        self.process = os.getpid()
        self.before = sys.excepthook

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, /) -> None:
        is_everyones = issubclass(kind, UserError | RankError)
        if not is_everyones:
            self.before(kind, error, trace)
            sys.stdout.flush()
            sys.stderr.flush()
        ranks = None if is_interactive() or os.getpid() != self.process else self.ranks or _everyone()
        together = ranks is None or _come_together(ranks)
        if is_everyones and not (ranks is not None and together and ranks.rank > 0):
            self.before(kind, error, trace)
        if ranks is not None and not together:
            print(
                f"distnn: rank {ranks.rank} has ended by {kind.__name__}, alone: this ends all ranks.",
                file=sys.stderr,
                flush=True,
            )
            ranks.abort(128 + signal.SIGINT if issubclass(kind, KeyboardInterrupt) else FAILED)


def end_all_ranks(ranks: MPIRanks | None = None) -> None:
    """From now on, have an exception that nothing catches on this rank end the job. Local.

    ranks: those that are in use; None: it is not known yet whether there are several.
    """
    if not isinstance(sys.excepthook, EndOfAll):
        if is_interactive() or (ranks is None and not launched()):
            return
        sys.excepthook = EndOfAll()
    if ranks is not None:
        sys.excepthook.ranks = ranks


def is_interactive() -> bool:
    """Is this a notebook, IPython, or a prompt of Python? Local."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive) or hasattr(builtins, "__IPYTHON__")


def _everyone() -> MPIRanks | None:
    """All ranks, if MPI runs, and there are several. Local."""
    MPI = getattr(sys.modules.get("mpi4py"), "MPI", None)
    if MPI is None or not MPI.Is_initialized() or MPI.Is_finalized() or MPI.COMM_WORLD.Get_size() == 1:
        return None
    from distnn.parallel.mpi import MPIRanks

    return MPIRanks(MPI.COMM_WORLD)


def _come_together(ranks: MPIRanks) -> bool:
    try:
        return ranks.all_come(TOGETHER_SECONDS)
    except Exception:  # the communicator has been freed, or MPI has ended
        return False
