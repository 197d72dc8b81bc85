"""Ranks that have nothing to measure: they wait without using a core, or are refused.

MPI's own waiting uses one, and would disturb what is measured on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from distnn.errors import UserError
from distnn.parallel.ranks import Ranks


def on_root_alone(ranks: Ranks, work: Callable[[], Any]) -> Any:
    """What work() returns on rank 0, on all ranks; the others sleep meanwhile. Its errors too. Collective."""
    value = None
    with ranks.sharing_errors():
        try:
            if ranks.rank == 0:
                value = work()
        finally:
            ranks.rest()
    return ranks.broadcast(value)


def refuse_several(ranks: Ranks, program: str) -> None:
    """UserError, on all ranks, unless there is one: for a program that measures on one process. Local."""
    if ranks.size > 1:
        raise UserError(f"{program} measures on one process: start it without mpirun.")
