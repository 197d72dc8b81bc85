"""Signals: the first asks for a checkpoint and an orderly end, a second SIGINT ends at once.

The death of the launcher's process beside a rank (MPICH's hydra_pmi_proxy, say) asks for the same as a signal: nobody
else would notice. The ranks would train on, no signal and no output would get through, and mpirun would wait.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from distnn.parallel.launcher import launched
from distnn.parallel.ranks import Ranks
from distnn.training.interruption import LAUNCHER_DIED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
PARENT = os.getppid()
LOOK_SECONDS = 1.0  # between looks for the parent
AGAIN = 1.0  # seconds: a terminal and mpirun may both deliver the same Ctrl-C


@contextmanager
def caught(ranks: Ranks) -> Iterator[None]:
    """Within the block a signal only sets `ranks.caught`; all ranks agree on it at the end of the step. Local.

    Nothing is written in a handler: it could strike in the middle of anything. And none runs while MPI is stuck, so a
    thread looks out for the second SIGINT, of which Python tells it through a pipe, at once, and for the launcher.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        ranks.caught = number

    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    waked = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_look_out, args=(told, ranks), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(waked)
        for number, old in before.items():
            signal.signal(number, old)
        os.close(tell)  # which ends the thread


def _look_out(told: int, ranks: Ranks) -> None:
    """End the job at a second SIGINT; note when the parent has died, if that is a launcher's process."""
    first: float | None = None
    parent = PARENT if launched(os.environ) else 0
    with open(told, "rb", buffering=0) as numbers:
        while True:
            if not select.select([numbers], [], [], LOOK_SECONDS)[0]:
                if parent and os.getppid() != parent:
                    ranks.caught, parent = LAUNCHER_DIED, 0
                continue
            number = numbers.read(1)
            if not number:
                return
            now = time.monotonic()
            if number[0] == signal.SIGINT and first is not None and now - first > AGAIN:
                ranks.abort(128 + signal.SIGINT)
            if first is None:
                first = now
