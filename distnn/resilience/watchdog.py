"""A watchdog: when a rank has been waited for too long, the job ends, saying for whom, and where every rank was.

Each rank has its own, a thread, since MPI that is stuck can be asked nothing. A rank that has come no further for half
of the time leaves a note of where it stands, a file in the run's directory; one that leaves none is dead, stopped or
cut off. When the time is over, a rank that waits reads the notes, says what they mean, and ends the job.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TypeVar

from distnn.errors import FAILED
from distnn.parallel.ranks import Ranks

PACKAGE = Path(__file__).parents[1]
GRACE = 3.0  # seconds for a file system to answer
PATIENCE = 8.0  # seconds for the rank that speaks to end the job
T = TypeVar("T")


@dataclass(frozen=True)
class Note:
    """Where a rank stands. calls: of MPI so far; waiting: is it in one? place: the package's line that it is at."""

    calls: int
    waiting: bool
    place: str


@contextmanager
def watching(ranks: Ranks, seconds: float, folder: Path) -> Iterator[None]:
    """Within the block, no rank is waited for longer than `seconds`; 0: without limit. Collective on entering.

    folder: for notes; made when it is needed, removed at the end. It should be one that all ranks see.
    """
    if not seconds or ranks.size == 1:
        yield
        return
    if ranks.rank == 0:
        shutil.rmtree(folder, ignore_errors=True)  # of a job that was ended
    watchdog = Watchdog(ranks, seconds, folder, ranks.gather(socket.gethostname()))
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


class Watchdog:
    """The watchdog of one rank. Local. hosts: of all ranks, at the start."""

    def __init__(self, ranks: Ranks, seconds: float, folder: Path, hosts: Sequence[str]):
        self.ranks, self.seconds, self.folder, self.hosts = ranks, seconds, folder, hosts
        self.note = folder / f"rank-{ranks.rank}"
        self.watched = threading.get_ident()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join(GRACE)
        if self.ranks.rank == 0:
            within(GRACE, lambda: shutil.rmtree(self.folder, ignore_errors=True))

    def _watch(self) -> None:
        tick = min(1.0, self.seconds / 20)
        calls, noted = -1, False
        since = woke = time.monotonic()
        while not self.over.wait(tick):
            now = time.monotonic()
            suspended = now - woke > tick + self.seconds / 4  # by a scheduler, and then all ranks were
            woke = now
            if suspended or self.ranks.calls != calls:
                if noted:
                    within(GRACE, self.note.unlink)
                calls, since, noted = self.ranks.calls, now, False
            elif now - since > self.seconds / 2 and not noted:
                noted = True
                within(GRACE, self._leave_note)
            elif now - since > self.seconds and self.ranks.waiting:
                self._end()

    def _leave_note(self) -> None:
        note = Note(self.ranks.calls, self.ranks.waiting, place(sys._current_frames().get(self.watched)))
        self.folder.mkdir(exist_ok=True)
        self.note.write_text(json.dumps(asdict(note)))

    def _end(self) -> None:
        """Say what the notes say, and end the job. One rank speaks: the lowest of those that wait."""
        notes = within(GRACE, self._notes) or {}
        if self.ranks.rank != min((rank for rank, note in notes.items() if note.waiting), default=0):
            time.sleep(PATIENCE)
        print(f"distnn: {describe(notes, self.hosts, self.seconds)}", file=sys.stderr, flush=True)
        within(GRACE, lambda: shutil.rmtree(self.folder, ignore_errors=True))
        self.ranks.abort(FAILED)

    def _notes(self) -> dict[int, Note]:
        """The notes of all ranks that left one."""
        found = {}
        for number in range(len(self.hosts)):
            with suppress(OSError, ValueError, TypeError):
                found[number] = Note(**json.loads((self.folder / f"rank-{number}").read_text()))
        return found


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """What work() returns, or None where it fails or takes longer: a file system may hang, too."""
    found: list[T] = []

    def attempt() -> None:
        with suppress(OSError):
            found.append(work())

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else None


def place(frame: FrameType | None) -> str:
    """The innermost line of the package, communicator and this file left out, that a thread is at."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE) and path.name not in ("ranks.py", "mpi.py", "watchdog.py"):
            return f"{path.relative_to(PACKAGE)}:{frame.f_lineno} ({frame.f_code.co_name})"
        frame = frame.f_back
    return "an unknown place"


def describe(notes: dict[int, Note], hosts: Sequence[str], seconds: float) -> str:
    """Which rank was waited for, where each one was, and what to do; several lines."""
    silent = [number for number in range(len(hosts)) if number not in notes]
    busy = [number for number, note in notes.items() if not note.waiting]
    late = silent or busy
    if late:
        who = f"{named(late, hosts)} {'was' if len(late) == 1 else 'were'} waited for"
    else:  # some in an earlier call than others, if a link was cut between two messages
        who = "all ranks waited for each other, as where a link is down,"
    lines = [f"{who} longer than {seconds:g} s (--watchdog): the job ends. Go on with --resume."]
    places: dict[Note, list[int]] = {}
    for number, note in sorted(notes.items()):
        places.setdefault(note, []).append(number)
    for note, numbers in places.items():
        doing = "waiting" if note.waiting else "computing, reading or writing"
        lines.append(f"  {named(numbers)}: {doing} at {note.place}, call {note.calls} of MPI")
    if silent:
        lines.append(f"  {named(silent)}: left no word in the run's directory: dead, stopped or cut off")
    return "\n".join(lines)


def named(numbers: Sequence[int], hosts: Sequence[str] = ()) -> str:
    """Ranks in words: 'ranks 0 to 6, 8', with their hosts, if given, where these are few."""
    starts = [numbers[0], *(b for a, b in pairwise(numbers) if b != a + 1)]
    ends = [*(a for a, b in pairwise(numbers) if b != a + 1), numbers[-1]]
    ranges = [str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]
    of = list(dict.fromkeys(hosts[number] for number in numbers)) if hosts else []
    on = f" (on {', '.join(of[:8])}{' and others' if len(of) > 8 else ''})" if of else ""
    return f"rank{'s' if len(numbers) > 1 else ''} {', '.join(ranges)}{on}"
