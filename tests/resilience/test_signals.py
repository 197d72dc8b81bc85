"""In a training signals set a flag and nothing else, and a second SIGINT ends the job; before it they end it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from trainings import wait_until

from distnn.errors import STOPPED
from distnn.parallel.ranks import OneRank
from distnn.resilience import signals
from distnn.resilience.signals import SIGNALS, Start, before_training, caught


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_sets_the_flag_and_only_within_the_block(number: signal.Signals) -> None:
    before: Callable[..., object] | int | None = signal.getsignal(number)
    ranks = OneRank()
    with caught(ranks):
        assert ranks.stop_request == 0
        os.kill(os.getpid(), number)
        assert ranks.stop_request == number
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


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Start, list[int]]]:
    """The start of a process, and the codes that it left; its signals are given back."""
    monkeypatch.setattr(signals, "launched", lambda: False)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    words: list[int] = []
    found = before_training(words.append)
    monkeypatch.setattr(found, "abort", lambda code: words.append(-code))
    yield found, words
    found.listening.close()
    monkeypatch.setattr(signals, "_start", None)
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_a_training_a_signal_ends_the_job(
    number: signal.Signals, start: tuple[Start, list[int]], capfd: pytest.CaptureFixture[str]
) -> None:
    words = start[1]
    os.kill(os.getpid(), number)
    wait_until(lambda: len(words) == 2, "the end")
    code = 130 if number == signal.SIGINT else STOPPED
    assert words == [code, -code]
    said = capfd.readouterr().err
    assert said.startswith(
        "distnn: interrupted" if number == signal.SIGINT else f"distnn: received {number.name} before"
    )


def test_under_a_launcher_it_waits_for_the_other_ranks(
    start: tuple[Start, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which would wait for this one for ever where MPI begins."""
    found, words = start
    monkeypatch.setattr(signals, "launched", lambda: True)
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(lambda: found.number, "the signal")
    assert words == []
    found.connected(OneRank())
    assert words == [STOPPED, -STOPPED]


def test_once_a_training_has_begun_nothing_is_lost(start: tuple[Start, list[int]]) -> None:
    """Between two attempts of an elastic job, and after the training."""
    found, words = start
    ranks = OneRank()
    found.connected(ranks)
    with caught(ranks):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(lambda: ranks.stop_request == signal.SIGTERM, "the signal")
    assert words == []


def test_SIGHUP_stays_ignored_as_under_nohup(start: tuple[Start, list[int]]) -> None:
    ranks, old = OneRank(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with caught(ranks):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            assert ranks.stop_request == signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, old)
