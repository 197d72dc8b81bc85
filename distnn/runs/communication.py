"""How much of their time the ranks spend in communication, waiting for each other included, while a run goes on."""

from __future__ import annotations

import time

import numpy as np

from distnn.parallel.ranks import Ranks


class CommunicationShares:
    """Of each rank since the last measurement. A message of 16 bytes each time, as often as replicas are compared."""

    def __init__(self, ranks: Ranks):
        self._ranks = ranks
        self._start()
        self._first = True

    def due(self, t: int, every: int) -> bool:
        """Is it time to measure after iteration t? Not at once, and not on one rank. Replicated. every: 0 for never."""
        first, self._first = self._first, False
        return self._ranks.size > 1 and every > 0 and t % every == 0 and not first

    def measure(self) -> tuple[float, float]:
        """The least and the most share of the ranks. Collective, replicated."""
        found = extremes(self._ranks.seconds - self._waited, time.perf_counter() - self._began, self._ranks)
        self._start()
        return found

    def _start(self) -> None:
        self._began, self._waited = time.perf_counter(), self._ranks.seconds


def extremes(waited: float, seconds: float, ranks: Ranks) -> tuple[float, float]:
    """The least and the most share of the ranks: of this rank's seconds it has waited so many. Collective, replicated.

    By one short message: no rank gets the numbers of all.
    """
    share = waited / max(seconds, 1e-9)
    found = np.array([-share, share])
    ranks.maximum(found)
    return -float(found[0]), float(found[1])
