"""What stops a training from outside: signals, the file STOP, the clock, a dead launcher, the failure of another one.

Each is a number, which all ranks agree on.
"""

from __future__ import annotations

import signal

from distnn.errors import DONE, STOPPED
from distnn.training.record import ADVICE
from distnn.training.termination import Reason

# They stand beside the numbers of signals in `Ranks.stop_request`; of several the largest counts.
PRUNED, TIME_USED, STOP_FILE, TIME_LIMIT, LAUNCHER_DIED, OTHERS_FAILED = 998, 999, 1000, 1001, 1002, 1003
OF_ONE = (PRUNED, TIME_USED)  # they end this training, and not the one after it
PRUNED_TRIAL = "pruned"  # the quantity of such a reason


def interrupted(caught: int, t: int) -> Reason:
    """The reason of a training that was told to stop at t: by a signal (its number) or one of the above"""
    if caught == PRUNED:
        advice = "Other trials did better by then: --pruner. A checkpoint was written: --resume trains it to its end."
        return Reason(f"pruned at t = {t}", advice, quantity=PRUNED_TRIAL, unfinished=True)
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
