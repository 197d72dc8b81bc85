"""What asks a training to stop, beside signals: a file STOP in its directory, and the clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from distnn.parallel.ranks import Ranks
from distnn.resilience.time_limit import TimeLimit
from distnn.training.interruption import OF_ONE, STOP_FILE

LOOK_SECONDS = 1.0  # between looks for the file


class StopRequests:
    """Rank 0's look-out. Local: it raises `ranks.stop_request`, as a signal does, and all ranks agree on that."""

    def __init__(self, ranks: Ranks, file: Path, limit: TimeLimit, others: Callable[[], int] = int):
        """others: what else asks to stop, 0 for nothing; it is called after each iteration."""
        self.ranks, self.file, self.limit, self.others = ranks, file, limit, others
        self.looked = 0.0  # seconds of the record when the file was looked for

    def look(self, seconds: float) -> None:
        """After an iteration that ended so many seconds after the training began."""
        if seconds - self.looked > LOOK_SECONDS:
            self.looked = seconds
            if self.file.exists():
                self.ranks.stop_request = STOP_FILE
        asked = self.others() or self.limit.lap()
        if asked not in OF_ONE or not self.ranks.stop_request:  # a signal is for the next training, too
            self.ranks.stop_request = asked or self.ranks.stop_request

    def forget(self) -> None:
        """Take back what was asked of this training alone, and is not of the next one."""
        if self.ranks.stop_request in OF_ONE:
            self.ranks.stop_request = 0
