"""A watchdog: when a rank has been waited for too long, the job ends, saying for whom, and where every rank was.

Each rank has its own, a thread, since MPI that is stuck can be asked nothing. A rank that has come no further for half
of the time leaves a note of where it stands, a file in the memory of its host, and one in the run's directory, which
all hosts see if it does not hang; a rank that leaves none is dead, stopped or cut off. When the time is over, a rank
that waits reads the notes, says what they mean, and ends the job.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TypeVar

from distnn.errors import FAILED, UserError
from distnn.parallel.ranks import Ranks, on_root
from distnn.resilience.notes import Note, describe, missing

SECONDS = 600.0  # the default of --watchdog
WORDS = "End the job when a rank was waited for longer than this many seconds. 0: never."  # in --help
PACKAGE = Path(__file__).parents[1]
GRACE = 3.0  # seconds for a file system to answer
PATIENCE = 8.0  # seconds for the rank that speaks to end the job
T = TypeVar("T")


@contextmanager
def watching(ranks: Ranks, seconds: float, folder: Path | None = None) -> Iterator[None]:
    """Within the block, no rank is waited for longer than `seconds`; 0: without limit. Collective on entering.

    folder: for notes, in the directory of a run that can be resumed; it should be one that all ranks see, is made when
    it is needed, and removed at the end. UserError for senseless seconds.
    """
    if not seconds >= 0:
        raise UserError(f"--watchdog {seconds:g}: it needs to be at least 0.")
    if not seconds or ranks.size == 1:
        yield
        return
    if ranks.rank == 0 and folder is not None:
        _remove(folder)  # of a job that was ended
    hosts, name = ranks.gather(socket.gethostname()), ranks.broadcast(uuid.uuid4().hex)
    watchdog = Watchdog(ranks, seconds, _memory() / f"distnn-{name}", folder, hosts)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


def watched_reading(ranks: Ranks, arguments: Sequence[str], read: Callable[[], T]) -> T:
    """The options that read() returns on rank 0, on all ranks. Collective.

    How long rank 0 is waited for must be known before: it is what `arguments` say, or else the default, and not what a
    file of options says.
    """
    with watching(ranks, given(arguments)):
        return on_root(ranks, read)


def given(arguments: Sequence[str]) -> float:
    """The seconds of --watchdog among the arguments; the default where it is not there, or makes no sense."""
    seconds = SECONDS
    for argument, following in pairwise([*arguments, ""]):
        name, sign, text = argument.partition("=")
        if name == "--watchdog":
            with suppress(ValueError):
                seconds = float(text if sign else following)
    return seconds if seconds >= 0 else SECONDS


class Watchdog:
    """The watchdog of one rank. Local.

    local, shared: folders for notes, the one seen on this host, the other (if any) on all. hosts: of all ranks.
    """

    def __init__(self, ranks: Ranks, seconds: float, local: Path, shared: Path | None, hosts: Sequence[str]):
        self.ranks, self.seconds, self.local, self.shared, self.hosts = ranks, seconds, local, shared, hosts
        self.watched = threading.get_ident()
        self.over = threading.Event()
        self.left = False  # has this rank ever left a note?
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join(GRACE)
        if self.left:
            self._take_notes_back()

    @property
    def folders(self) -> list[Path]:
        return [self.local] if self.shared is None else [self.local, self.shared]

    def _watch(self) -> None:
        tick = min(1.0, self.seconds / 20)
        calls, noted = -1, False
        since = woke = time.monotonic()
        while not self.over.wait(tick):
            now = time.monotonic()
            suspended = now - woke > tick + self.seconds / 4  # by a scheduler, and then all ranks were
            if suspended or self.ranks.calls != calls:
                if noted:
                    self._take_notes_back()
                calls, since, noted = self.ranks.calls, now, False
            elif now - since > self.seconds / 2 and not noted:
                noted = True
                self._leave_notes()
            elif now - since > self.seconds and self.ranks.waiting:
                self._end()
            woke = time.monotonic()  # a file system that hangs has taken some seconds

    def _leave_notes(self) -> None:
        self.left = True
        note = Note(self.ranks.calls, self.ranks.waiting, place(sys._current_frames().get(self.watched)))
        text = json.dumps(asdict(note))

        def leave(folder: Path) -> None:
            folder.mkdir(exist_ok=True)
            (folder / f"rank-{self.ranks.rank}").write_text(text)

        for folder in self.folders:
            within(GRACE, partial(leave, folder))

    def _take_notes_back(self) -> None:
        """Remove this rank's notes, and their folders where no other rank has left one."""

        def take_back(folder: Path) -> None:
            (folder / f"rank-{self.ranks.rank}").unlink(missing_ok=True)
            folder.rmdir()

        for folder in self.folders:
            within(GRACE, partial(take_back, folder))

    def _end(self) -> None:
        """Say what the notes say, and end the job. One rank speaks: the lowest of those that wait.

        Where the notes of other hosts cannot be seen, that is so on each host; one that knows for whom it waits is
        first.
        """
        notes = within(GRACE, partial(self._notes, self.local)) or {}
        shared = None if self.shared is None else within(GRACE, partial(self._notes, self.shared))
        everywhere = bool(shared) and self.ranks.rank in (shared or {})
        if everywhere:
            notes = {**notes, **(shared or {})}
        speaks = self.ranks.rank == min((rank for rank, note in notes.items() if note.waiting), default=0)
        silent, unseen = missing(notes, self.hosts, everywhere)
        knows = silent or not unseen or any(not note.waiting for note in notes.values())
        if not (speaks and knows):
            time.sleep(PATIENCE)
        advice = "" if self.shared is None else " Go on with --resume."
        said = describe(notes, self.hosts, self.seconds, everywhere, advice)
        print(f"distnn: {said}", file=sys.stderr, flush=True)
        for folder in self.folders:
            _remove(folder)
        self.ranks.abort(FAILED)

    def _notes(self, folder: Path) -> dict[int, Note]:
        """The notes of all ranks that left one there."""
        found = {}
        for number in range(len(self.hosts)):
            with suppress(OSError, ValueError, TypeError):
                found[number] = Note(**json.loads((folder / f"rank-{number}").read_text()))
        return found


def _memory() -> Path:
    """A folder that all ranks of this host see, and that does not hang."""
    shared_memory = Path("/dev/shm")
    return shared_memory if os.access(shared_memory, os.W_OK) else Path(tempfile.gettempdir())


def _remove(folder: Path) -> None:
    within(GRACE, lambda: shutil.rmtree(folder, ignore_errors=True))


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
        if path.is_relative_to(PACKAGE) and path.name not in ("ranks.py", "mpi.py", "in_order.py", "watchdog.py"):
            return f"{path.relative_to(PACKAGE)}:{frame.f_lineno} ({frame.f_code.co_name})"
        frame = frame.f_back
    return "an unknown place"
