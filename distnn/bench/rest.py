"""Waiting without using a core: MPI's own waiting does, and would disturb what is measured on the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
