"""Waiting without using a core: MPI's own waiting does, and would disturb what is measured on the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from distnn.parallel.mpi import MPIRanks, OneRank


def on_root_alone(ranks: OneRank, work: Callable[[], Any]) -> Any:
    """What work() returns on rank 0, on all ranks; the others sleep meanwhile. Its errors too. Collective."""
    value = None
    with ranks.together():
        try:
            if ranks.rank == 0:
                value = work()
        finally:
            _rest(ranks)
    return ranks.broadcast(value)


def _rest(ranks: OneRank) -> None:
    if isinstance(ranks, MPIRanks):
        request = ranks.comm.Ibarrier()
        while not request.Test():
            time.sleep(1e-3)
