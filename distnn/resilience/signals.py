"""Signals: in a training the first asks for a checkpoint and an orderly end; before it, there is nothing to lose.

A second SIGINT ends at once. Nothing heavy is imported here: `before_training` is called before anything else is.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from distnn.errors import STOPPED
from distnn.parallel.launched import launched

if TYPE_CHECKING:
    from distnn.parallel.ranks import Ranks

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
PARENT = os.getppid()  # at the start
LOOK_SECONDS = 1.0  # between looks for it
AGAIN = 1.0  # seconds: a terminal and mpirun may both deliver the same Ctrl-C
FIRST_SECONDS = 1.0  # that rank 0 gets to speak for all

_start: Start | None = None


@contextmanager
def caught(ranks: Ranks) -> Iterator[None]:
    """Within the block a signal only sets `ranks.stop_request`; all ranks agree on it in their next sum. Local.

    Nothing is written in a handler: it could strike in the middle of anything. And none runs while MPI is stuck, so a
    thread looks out for the second SIGINT; Python tells it of each signal through a pipe, at once.
    """
    if _start is not None:
        _start.over = True

    def handler(number: int, frame: FrameType | None) -> None:
        ranks.stop_request = number

    before = {number: signal.signal(number, handler) for number in _heeded(SIGNALS)}
    try:
        with _told(Interrupts(ranks)), _launcher_watched(ranks):
            yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def before_training(leave_word: Callable[[int], None]) -> Start:
    """From now on a signal ends the job, with code STOPPED, until a training begins. Local; called once.

    SIGINT, unless the process was started to ignore it, ends it with the code that shells know. leave_word(code) is
    called on rank 0 just before.
    """
    global _start
    _start = Start(leave_word)
    for number in _heeded(SIGNALS, (signal.SIGHUP, signal.SIGINT)):
        signal.signal(number, lambda number, frame: None)  # `_told` does it, also where this thread is stuck in MPI
    _start.listening.enter_context(_told(_start))
    return _start


class Interrupts:
    """Hears of signals, and ends the job at a second SIGINT."""

    def __init__(self, ranks: Ranks | None = None):
        self.ranks = ranks
        self.first: float | None = None

    def __call__(self, number: int) -> None:
        now = time.monotonic()
        if number == signal.SIGINT and self.first is not None and now - self.first > AGAIN:
            self.abort(128 + signal.SIGINT)
        if self.first is None:
            self.first = now

    def abort(self, code: int) -> None:
        """End this process, and with it the job. Any thread may call it."""
        (os._exit if self.ranks is None else self.ranks.abort)(code)


class Start(Interrupts):
    """Hears of the signals that come before a training, between the attempts of an elastic one, and after it.

    over: has a training begun? Then nothing is to be lost any more.
    """

    def __init__(self, leave_word: Callable[[int], None]):
        super().__init__()
        self.listening = ExitStack()
        self.leave_word = leave_word
        self.over = False
        self.number = 0  # of the signal that the job ends by

    def __call__(self, number: int) -> None:
        super().__call__(number)
        if self.over and self.ranks is not None:
            self.ranks.stop_request = number
            return
        self.number = number
        # Launchers do not notice that a process has ended before MPI began, where others wait for it.
        if self.ranks is not None or not launched():
            self._end()

    def connected(self, ranks: Ranks) -> None:
        """The ranks of the job are known: a signal that came before ends them now."""
        self.ranks = ranks
        if self.number:
            self._end()

    def _end(self) -> None:
        name, code = signal.Signals(self.number).name, STOPPED
        text = f"distnn: received {name} before the training began: there is nothing to save.\n"
        if self.number == signal.SIGINT:
            text, code = "distnn: interrupted.\n", 128 + self.number
        first = self.ranks is None or self.ranks.rank == 0
        if not first:
            time.sleep(FIRST_SECONDS)
        with suppress(OSError):
            os.write(2, text.encode())  # print could strike in the middle of another print
        if first:
            self.leave_word(code)
        self.abort(code)


@contextmanager
def _told(hear: Callable[[int], None]) -> Iterator[None]:
    """Within the block a thread calls hear(number) for each signal that has a handler, at once."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)

    def listen() -> None:
        with open(told, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                hear(number[0])

    waked = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(waked)
        os.close(tell)  # which ends the thread


@contextmanager
def _launcher_watched(ranks: Ranks) -> Iterator[None]:
    """Within the block a thread notes when what launched this process dies: no signal would reach it any more."""
    from distnn.training.interruption import LAUNCHER_DIED

    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            if os.getppid() != PARENT:
                ranks.stop_request = LAUNCHER_DIED
                return

    if launched():
        threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _heeded(
    numbers: Sequence[signal.Signals], ignorable: Sequence[signal.Signals] = (signal.SIGHUP,)
) -> list[signal.Signals]:
    """The signals, but for those of `ignorable` that the process was started to ignore, as SIGHUP by nohup."""
    return [n for n in numbers if n not in ignorable or signal.getsignal(n) != signal.SIG_IGN]
