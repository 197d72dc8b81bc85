"""What is recorded while an optimizer runs: how low E_in was after how many evaluations and how much time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import NamedTuple


class Finished(Exception):
    """The contender has reached what it should, or its time is up. Raised from `Trace.note`, through the optimizer."""


class Point(NamedTuple):
    """After so many evaluations and CPU seconds E_in was at most E."""

    evaluations: float
    seconds: float
    E: float


class Trace:
    """The record of one run. The clock counts CPU time of this process, so that other programs do not matter.

    until: the E_in at which to stop; limit: CPU seconds. first: E_in at the initial weights.
    """

    def __init__(self, until: float, limit: float):
        self.until, self.limit = until, limit
        self.points: list[Point] = []
        self.first = math.nan
        self._began = process_time()
        self._off = 0.0

    def start(self) -> None:
        """Start the clock: all is prepared."""
        self._began = process_time()

    @property
    def seconds(self) -> float:
        """CPU seconds since the start."""
        return process_time() - self._began - self._off

    def note(self, E: float, evaluations: float) -> None:
        """E_in has been found to be E, after this many evaluations in all. Raises Finished at the end."""
        now = self.seconds
        if not self.points:
            self.first = E
        if not self.points or (now <= self.limit and E < self.points[-1].E):
            self.points.append(Point(evaluations, now, E))
        if now > self.limit or self.until >= E:
            raise Finished

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The clock stands still, to find out E_in where the optimizer itself does not."""
        stopped = process_time()
        try:
            yield
        finally:
            self._off += process_time() - stopped

    def reached(self, goal: float) -> Point | None:
        """When E_in was first at most `goal`."""
        return next((point for point in self.points if goal >= point.E), None)
