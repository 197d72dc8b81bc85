"""Delivery: a thread brings the numbers of a run to its tracker, whatever that takes, and never in the training's way.

* The training only puts records into a queue. Where that is full, because a service is slow or away, every second
  record is left out from then on, and of those that wait: the curves get coarser, but keep no gap.
* Python runs one thread at a time, so what the tracker computes the training waits for: the thread rests so long after
  each work that this is SHARE of the time at most, that of all trackers together.
* What fails is tried again, ever more rarely; it is said the first time. What fails for long is made up for when the
  run goes on: the records that the tracker lacks are read from metrics.jsonl.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from distnn.runs.contents import METRICS
from distnn.runs.metrics import finite
from distnn.runs.trackers.tracker import Course, Numbers, Outcome, Tracker
from distnn.storage.files import replacing
from distnn.training.record import Record

LOOK = 1.0  # seconds between looks for new records
SHARE = 0.005  # of the time that the thread may compute in, while the training goes on
WAITING = 20_000  # records in the queue
RETRY, RARELY = 5.0, 300.0  # seconds until what failed is tried again: the first time, and at most
TRIES, BETWEEN = 6, 2.0  # in vain, one after another, after which it is given up at the end; seconds between them
SAVE = 10.0  # seconds between writings of what the tracker has to remember


class Delivery:
    """To one tracker, of one run. `put`, `over` and `left` never wait; they are called by the training.

    said: sentences of what went wrong, for the training to print. complete: is all delivered? every: iterations between
    records that are put. share: of SHARE that this one may take.
    """

    def __init__(self, name: str, tracker: Tracker, course: Course, every: int = 1, share: float = 1.0):
        self.name, self.said = name, deque[str]()
        self._tracker, self._course = tracker, course
        self._path = course.folder / f"track-{name}.json"
        self._every, self._stride, self._share = every, every, share
        self._queue: deque[Record | Numbers] = deque()
        self._lock = threading.Lock()  # of the queue and the stride
        self._last: int | None = None  # the iteration that the tracker has, None before it has begun
        self._saved: tuple[float, str] = (0.0, "{}")
        self._outcome: Outcome | None = None
        self.complete = False
        self._ending, self._left = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"track {name}")
        self._thread.start()

    def put(self, record: Record, done: bool) -> None:
        """Deliver a record, soon, or leave it out where too many wait; the last one never."""
        if record.t % self._stride and not done:
            return
        with self._lock:
            self._queue.append(record)
            if len(self._queue) > WAITING:
                self._thin()

    def over(self, outcome: Outcome) -> None:
        """Nothing more will come: from now on the thread takes the time that it needs."""
        self._outcome = outcome
        self._ending.set()

    def wait(self, seconds: float) -> bool:
        """Wait until all is delivered, or cannot be, so long at most. Returns whether the thread has ended."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def leave(self) -> int:
        """Do nothing more, as far as that can be. Returns how many records are not delivered."""
        self._left.set()
        return len(self._queue)

    def _thin(self) -> None:
        self._stride *= 2
        if self._stride == 2 * self._every:
            self.said.append(
                f"--track {self.name} is slower than the training: it gets only some of the iterations from now on; "
                f"{METRICS} has all of them."
            )
        *most, last = self._queue
        self._queue = deque([*(record for record in most if _t(record) % self._stride == 0), last])

    def _run(self) -> None:
        """The thread: look, work, rest, until all is delivered."""
        rest, failures, tries = 0.0, 0, TRIES
        while tries and not self._left.is_set():
            (self._left if self._ending.is_set() else self._ending).wait(rest)
            began = time.thread_time()
            try:
                self.complete = self._advance()
                if self.complete:
                    return
                failures = 0
                rest = 0.0 if self._ending.is_set() else max(LOOK, (time.thread_time() - began) / (self._share * SHARE))
            except BaseException as error:  # also what a package does to end the program
                if self._ending.is_set():
                    rest, tries = BETWEEN, tries - 1
                else:
                    rest = min(RETRY * 2**failures, RARELY)
                if not failures:
                    why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                    self.said.append(
                        f"--track {self.name} fails; training goes on, and it is tried again now and then ({why})."
                    )
                failures += 1

    def _advance(self) -> bool:
        """Do the next piece of work. Returns whether all is done."""
        if self._last is None:
            self._last = self._begin()
        rows = [finite(record) if isinstance(record, Record) else record for record in self._first()]
        self._save(False)  # before anything else is sent: the run is found again by it
        new = list(_later(rows, self._last))
        if new:
            self._tracker.log(new)
            self._last = _t(new[-1])
        with self._lock:
            for row in rows:  # but for those that were thinned out meanwhile
                if self._queue and _t(self._queue[0]) == _t(row):
                    self._queue.popleft()
        all_done = False
        if self._outcome is not None and not self._queue:
            self._tracker.end(self._outcome)
            all_done = True
        self._save(all_done)
        return all_done

    def _begin(self) -> int:
        """Begin, or go on with, the run; then the records that the tracker lacks come first. Returns what it has."""
        course = self._course
        course.memory = self._remembered()
        last = self._tracker.begin(course)
        missing = list(_logged(course.folder / METRICS, last, course.t))
        with self._lock:
            self._queue.extendleft(reversed(missing))
        return last

    def _first(self) -> list[Record | Numbers]:
        with self._lock:
            return list(islice(self._queue, self._tracker.most))

    def _remembered(self) -> dict[str, Any]:
        """What the tracker wrote down when the run was begun; nothing if it is now."""
        if self._course.t >= 0:
            try:
                found = json.loads(self._path.read_text())["memory"]
                return found if isinstance(found, dict) else {}
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                pass
        return {}

    def _save(self, at_once: bool) -> None:
        """Write down what the tracker has to know when the run goes on, if it has changed."""
        text, now = json.dumps(self._course.memory), time.monotonic()
        if text != self._saved[1] and (at_once or now - self._saved[0] > SAVE):
            with replacing(self._path, "w") as file:
                json.dump({"tracker": self.name, "memory": self._course.memory}, file)
            self._saved = (now, text)


def _t(row: Record | Numbers) -> int:
    return row.t if isinstance(row, Record) else int(row["t"] or 0)


def _later(rows: Iterable[Numbers], last: int) -> Iterator[Numbers]:
    """Those later than all before: where a run goes on, it puts the record that it has reached once more."""
    for row in rows:
        if _t(row) > last:
            last = _t(row)
            yield row


def _logged(path: Path, after: int, until: int) -> Iterator[Numbers]:
    """The records of these iterations that are in a log."""
    if after >= until or not path.exists():
        return
    with path.open(errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
                if after < row["t"] <= until and "E_in" in row:
                    yield {name: row.get(name) for name in Record.__slots__}
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
