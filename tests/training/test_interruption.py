"""Why a training that was told to stop did, and with which exit code."""

from __future__ import annotations

import signal

import pytest

from distnn.errors import DONE, STOPPED
from distnn.training.interruption import LAUNCHER_DIED, PRUNED, STOP_FILE, TIME_LIMIT, TIME_USED, interrupted


@pytest.mark.parametrize(
    ("caught", "text", "code"),
    [
        (signal.SIGUSR1, "received SIGUSR1", STOPPED),
        (signal.SIGINT, "received SIGINT", STOPPED),
        (STOP_FILE, "the file STOP was there", DONE),
        (TIME_USED, "--max-seconds leaves no time for another iteration", DONE),
        (PRUNED, "pruned at t = 7", DONE),
        (TIME_LIMIT, "the time limit of the job is near", STOPPED),
        (LAUNCHER_DIED, "the launcher of a rank died", STOPPED),
    ],
)
def test_the_reason_says_what_it_was(caught: int, text: str, code: int) -> None:
    reason = interrupted(caught, 7)
    assert (reason.text, reason.code) == (text, code)
    assert "--resume" in reason.advice
    assert reason.unfinished
    assert reason.quantity == {TIME_USED: "seconds", PRUNED: "pruned"}.get(caught, "interrupted")


def test_they_count_above_every_signal() -> None:
    assert max(signal.Signals) < min(PRUNED, TIME_USED, STOP_FILE, TIME_LIMIT, LAUNCHER_DIED)
