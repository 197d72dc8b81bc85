"""What stops a training from outside: signals, the file STOP, the clock, a dead launcher, the failure of another one.

Each is a number, which all ranks agree on.
"""

from __future__ import annotations

import signal

from distnn.errors import DONE, STOPPED
from distnn.training.record import ADVICE
from distnn.training.termination import Reason

# They stand beside the numbers of signals in `Ranks.stop_request`; of several the largest counts.
TIME_USED, STOP_FILE, TIME_LIMIT, LAUNCHER_DIED, OTHERS_FAILED = 999, 1000, 1001, 1002, 1003


def interrupted(caught: int) -> Reason:
    """The reason of a training that was told to stop: by a signal (its number) or one of the above"""
    words = {
        STOP_FILE: "the file STOP was there",
        TIME_USED: "--max-seconds leaves no time for another iteration",
        TIME_LIMIT: "the time limit of the job is near",
        LAUNCHER_DIED: "the launcher of a rank died",
        OTHERS_FAILED: "another training of several failed",
    }
    text = words.get(caught) or f"received {signal.Signals(caught).name}"
    advice = ADVICE["seconds"] if caught == TIME_USED else "A checkpoint was written: go on with --resume."
    code = DONE if caught in (STOP_FILE, TIME_USED) else STOPPED
    return Reason(text, advice, code, "seconds" if caught == TIME_USED else "interrupted", unfinished=True)
