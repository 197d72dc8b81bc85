"""Signals: the first asks for a checkpoint and an orderly end, a second SIGINT ends at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from distnn.communicator import OneRank

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
AGAIN = 1.0  # seconds: a terminal and mpirun may both deliver the same Ctrl-C


@contextmanager
def caught(ranks: OneRank) -> Iterator[None]:
    """Within the block a signal only sets `ranks.caught`; all ranks agree on it at the end of the step. Local.

    Nothing is written in a handler: it could strike in the middle of anything.
    """
    first = 0.0

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if number == signal.SIGINT and ranks.caught and time.monotonic() - first > AGAIN:
            ranks.abort(128 + number)
        if not ranks.caught:
            first = time.monotonic()
        ranks.caught = number

    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
