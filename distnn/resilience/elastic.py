"""Going on without ranks that died (--elastic): a resume, but from memory, and without starting again.

Every rank holds the whole progress of a training, so those that are left need no checkpoint. They take that of the rank
that has come farthest, share out D among themselves, and redo the iteration in which the others died.
"""

from __future__ import annotations

from collections.abc import Callable

from distnn.errors import RanksLost
from distnn.parallel.agreement import same
from distnn.parallel.ranks import Ranks
from distnn.training.progress import Progress

CANNOT = (
    "--elastic: this MPI cannot go on without ranks that died, so the job would end with them. It takes Open MPI 5 and "
    "mpirun --with-ft ulfm (not srun). Training goes on without --elastic."
)


class Recovery:
    """What outlives the loss of ranks: the progress, None before the first iteration; ranks_lost: how many so far."""

    progress: Progress | None = None
    ranks_lost: int = 0


def carry_on(ranks: Ranks, attempt: Callable[[Recovery], int]) -> int:
    """attempt(recovery), again each time that ranks were lost, by those that are left. Returns its result. Collective.

    An attempt begins where recovery.progress says, and keeps it up to date. All ranks agree on the end of an attempt,
    so that none leaves before the others: who had finished already goes along, and finishes again.
    """
    recovery, size = Recovery(), ranks.size
    while True:
        code, finished = 0, True
        try:
            recovery.progress = farthest(recovery.progress, ranks)
            code = attempt(recovery)
        except RanksLost:
            finished = False
        if ranks.all_finished(finished):
            return code
        ranks.regroup()
        recovery.ranks_lost = size - ranks.size


def farthest(progress: Progress | None, ranks: Ranks) -> Progress | None:
    """The progress of the rank that has come farthest: a rank may have died between two others' calls. Collective."""
    if same(_reached(progress), ranks):
        return progress if _reached(progress) >= 0 else None
    return ranks.merged(progress, lambda a, b: b if _reached(b) > _reached(a) else a)


def _reached(progress: Progress | None) -> int:
    """t; -1 before the first iteration."""
    return -1 if progress is None or progress.record is None else progress.record.t
