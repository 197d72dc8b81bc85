"""The report to trackers, such as TensorBoard: each has a `Delivery`, which brings it there in a thread of its own."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from distnn.errors import STOPPED, UserError
from distnn.runs.options import NOT_STORED, Options
from distnn.runs.reports.report import Beginning, End, Report
from distnn.runs.trackers import Course, tracker
from distnn.runs.trackers.delivery import Delivery
from distnn.runs.trackers.tracker import Outcome
from distnn.training.record import Record

END = 60.0  # seconds that trackers get at the end of a job, all runs together, and more for the model:
BYTES = 1e6  # a second more for so many
SHORT = 5.0  # seconds that they get where the job was interrupted
BROKEN = 1.0  # and where it fails: the other ranks do not wait long for rank 0 then
QUIET = 3.0  # seconds of waiting that nothing is said of
LEAVE = 10.0  # seconds that a package may take at the end of the program, where it has not done its work


class TrackingReport(Report):
    """Tells the trackers of these names of the course of each run. Local to rank 0; it never waits, but at the end."""

    def __init__(self, names: Sequence[str]):
        self._names = list(names)
        self._broken: dict[str, str] = {}
        for name in names:
            try:
                tracker(name)
            except UserError:
                raise
            except Exception as error:  # a package that is there, but does not work here
                self._broken[name] = f"{type(error).__name__}: {error}"
        self._deliveries: list[Delivery] = []
        self._warn: Callable[[str], None] = print
        self._patience = END
        self._said_to_wait = False

    def begin(self, beginning: Beginning) -> None:
        self._warn, self._every = beginning.warn, beginning.every
        self._most = beginning.options.watchdog / 2 or math.inf  # the other ranks wait meanwhile
        for name, why in self._broken.items():
            self._warn(f"--track {name} does not work here; training goes on without it ({why}).")
        self._names = [name for name in self._names if name not in self._broken]
        self._broken = {}
        share = 1 / max(1, len(self._names))
        self._deliveries = [
            Delivery(name, tracker(name), _course(beginning), self._every, share) for name in self._names
        ]

    def iteration(self, record: Record, done: bool) -> None:
        """As often as metrics.jsonl."""
        if not done and record.t % self._every:
            return
        for delivery in self._deliveries:
            delivery.put(record, done)
            while delivery.said:
                self._warn(delivery.said.popleft())

    def end(self, end: End) -> None:
        interrupted = end.reason.code == STOPPED
        model = None if interrupted else end.model
        patience = SHORT if interrupted else self._patience + (model.stat().st_size / BYTES if model else 0.0)
        self._finish(Outcome(end.reason.code, model, end.result), min(patience, self._most))

    def close(self) -> None:
        """Where a run was broken off."""
        self._finish(Outcome(STOPPED), BROKEN)

    def _finish(self, outcome: Outcome, patience: float) -> None:
        """Wait until the trackers have all, so long at most."""
        deliveries, self._deliveries = self._deliveries, []
        began = time.monotonic()
        for delivery in deliveries:
            delivery.over(outcome)
        late = [delivery for delivery in deliveries if not delivery.wait(QUIET - (time.monotonic() - began))]
        if late and not self._said_to_wait:  # once, of all runs
            self._said_to_wait = True
            names = " and ".join(delivery.name for delivery in late)
            self._warn(f"--track: waiting for {names}, for up to {patience:.0f} s; the run itself is written.")
        for delivery in deliveries:
            delivery.wait(patience - (time.monotonic() - began))
            while delivery.said:
                self._warn(delivery.said.popleft())
            if not delivery.complete:
                self._give_up(delivery, outcome.code)
        self._patience = max(SHORT, self._patience - (time.monotonic() - began))

    def _give_up(self, delivery: Delivery, code: int) -> None:
        """See that neither the thread nor what its package does at the end of a program keeps the job from ending."""
        count = delivery.leave()
        self._warn(
            f"--track {delivery.name} has not taken all: {count or 'no'} iterations are missing there, and "
            "what comes at the end; --resume makes up for them."
        )
        threading.Thread(target=_see_off, args=(code,), daemon=True).start()


def _see_off(code: int) -> None:
    """End the process where it does not end by itself, once its main thread has done so."""
    threading.main_thread().join()
    time.sleep(LEAVE)
    os._exit(code)


def _course(beginning: Beginning) -> Course:
    options: dict[str, Any] = {
        field.name: getattr(beginning.options, field.name)
        for field in fields(Options)
        if field.name not in NOT_STORED and getattr(beginning.options, field.name) is not None
    }
    t = -1 if beginning.record is None else beginning.record.t
    return Course(beginning.directory.path, options, beginning.environment, t)


def report(options: Options) -> Report | None:
    """One where there are trackers. UserError if one cannot be used."""
    return TrackingReport(options.track) if options.track else None
