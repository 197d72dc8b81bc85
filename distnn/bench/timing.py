"""Timing in turns: on a machine that others use too, what is compared is measured at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import numpy as np

from distnn.bench.rest import on_root_alone
from distnn.parallel.ranks import Ranks

VISIT = 0.25  # seconds, about, that one takes before it is the next one's turn


class Stepper(Protocol):
    """Somebody who can compute iterations of a workload."""

    def seconds(self, iterations: int) -> float:
        """Seconds an iteration, over so many."""

    def close(self) -> None:
        """End."""


@dataclass
class Entry:
    """A contender at work, and what was measured of it.

    name: as printed. cores: how many it uses. everyone: all ranks take part in it; otherwise rank 0 alone, and
    stepper is None elsewhere. device: that of `--device` on which it computes, if not the CPU's own code. seconds: an
    iteration, one number a turn. peak_bytes: of its processes together.
    """

    name: str
    cores: int
    everyone: bool
    stepper: Stepper | None
    iterations: int = 1
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    device: str | None = None

    @property
    def median(self) -> float:
        return median(self.seconds)


def take_turns(entries: Sequence[Entry], turns: int, ranks: Ranks, visit: float = VISIT) -> None:
    """Measure every entry in each of so many turns, after one that only warms up. Collective; replicated.

    The order is another in each turn, so that none always follows the one that leaves the machine worst.
    """
    for turn in range(turns + 1):
        for number in np.random.default_rng(turn).permutation(len(entries)):
            entry = entries[number]
            seconds = _visit(entry, ranks)
            if turn:
                entry.seconds.append(seconds)
            else:
                entry.iterations = max(1, min(10_000, round(visit / max(seconds, 1e-9))))


def _visit(entry: Entry, ranks: Ranks) -> float:
    def seconds() -> float:
        assert entry.stepper is not None
        entry.stepper.seconds(1)  # fetch back what the others drove out of the caches
        return entry.stepper.seconds(entry.iterations)

    return float(ranks.broadcast(seconds()) if entry.everyone else on_root_alone(ranks, seconds))


def ratio(one: Entry, other: Entry) -> float:
    """How many times longer `one` takes: the median over turns, each of which saw the same state of the machine."""
    return median(a / b for a, b in zip(one.seconds, other.seconds, strict=True))
