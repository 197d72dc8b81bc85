"""Signals set a flag and nothing else; a second SIGINT ends the job."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from distnn.parallel.ranks import OneRank
from distnn.resilience import signals
from distnn.resilience.signals import SIGNALS, caught


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_flag_and_only_within_the_block(number: signal.Signals) -> None:
    before: Callable[..., object] | int | None = signal.getsignal(number)
    ranks = OneRank()
    with caught(ranks):
        assert ranks.caught == 0
        os.kill(os.getpid(), number)
        assert ranks.caught == number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("again", [0.0, 60.0])
def test_a_second_SIGINT_ends_the_job_unless_it_is_the_first_once_more(
    again: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal and mpirun may both deliver the same Ctrl-C, within AGAIN seconds."""
    monkeypatch.setattr(signals, "AGAIN", again)
    ranks, ended, codes = OneRank(), threading.Event(), []

    def abort(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(ranks, "abort", abort)
    with caught(ranks):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert ended.wait(0.5 if again else 10) is not bool(again)
    assert codes == ([] if again else [128 + signal.SIGINT])
