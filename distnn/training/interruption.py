"""What stops a training from outside: signals, the file STOP, the clock, a dead launcher.

Each is a number, which all ranks agree on.
"""

from __future__ import annotations

import signal

from distnn.errors import STOPPED
from distnn.training.record import ADVICE
from distnn.training.termination import Reason

# They stand beside the numbers of signals in `Ranks.caught`; of several the largest counts.
TIME_USED, STOP_FILE, TIME_LIMIT, LAUNCHER_DIED = 999, 1000, 1001, 1002


def interrupted(caught: int) -> Reason:
    """The reason of a training that was told to stop: by a signal (its number) or one of the above"""
    advice = "A checkpoint was written: go on with --resume."
    if caught == STOP_FILE:
        return Reason("the file STOP was there", advice)
    if caught == TIME_USED:
        return Reason("--max-seconds leaves no time for another iteration", ADVICE["seconds"])
    if caught == TIME_LIMIT:
        return Reason("the time limit of the job is near", advice, STOPPED)
    if caught == LAUNCHER_DIED:
        return Reason("the launcher of a rank died", advice, STOPPED)
    return Reason(f"received {signal.Signals(caught).name}", advice, STOPPED)
