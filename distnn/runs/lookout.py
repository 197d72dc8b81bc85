"""Rank 0's look-out while trials choose something, before there is a run: what stops that, and how long it takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from distnn.parallel.ranks import Ranks
from distnn.resilience.stop_requests import StopRequests
from distnn.resilience.time_limit import TimeLimit, seconds_left
from distnn.runs.options import Options

SHARE = 1 / 2  # of --max-seconds: the rest is for the training itself
TELL_SECONDS = 2.0  # after which someone at a terminal hears what he waits for
LOG_SECONDS = 30.0  # as TELL_SECONDS, but for a log, which few read while it is written


class Lookout:
    """Called after each iteration of a trial. Local to rank 0.

    stop: the file STOP. others: what else asks to stop, see `StopRequests`. seconds: that the trials have taken.
    """

    def __init__(self, options: Options, ranks: Ranks, stop: Path, others: Callable[[], int] = int):
        self.options, self.ranks, self.stop, self.others = options, ranks, stop, others
        self.requests: StopRequests | None = None
        self.began = self.seconds = 0.0
        self.told = ""  # the trial that was last told of

    def __call__(self, words: str) -> None:
        """After an iteration of a trial, with the words for it."""
        if self.requests is None:
            seconds = None if self.options.max_seconds is None else SHARE * self.options.max_seconds
            limit = TimeLimit(seconds, 0.0, seconds_left)
            self.requests, self.began = StopRequests(self.ranks, self.stop, limit, self.others), time.monotonic()
        self.seconds = time.monotonic() - self.began
        self.requests.look(self.seconds)
        patience = TELL_SECONDS if sys.stderr.isatty() else LOG_SECONDS
        if self.seconds > patience and words != self.told and not self.options.quiet:
            self.told = words
            print(f"choosing {words}", file=sys.stderr, flush=True)

    def over(self) -> float:
        """The trials are over: takes back that their share of the time is used up. Returns the seconds they took."""
        if self.requests is not None:
            self.requests.forget()
        return self.seconds
