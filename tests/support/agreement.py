"""A plugin for pytest under mpirun: what keeps a failure on one rank from hanging the others.

Every rank runs the same tests in the same order. After each test the ranks agree, on a communicator of their own,
whether all passed; if not, all of them end the session, so that a rank that failed cannot pair its next collective
call with the others' present one. Only rank 0 prints; of the others one sees the failures.
"""

from __future__ import annotations

import faulthandler
import io
import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import numpy as np
import pytest
from patience import PATIENCE

GRACE = 60.0  # seconds a rank whose test failed waits for the others before it ends the job

failures = pytest.StashKey[list[str]]()


def note_failure(item: pytest.Item, report: pytest.TestReport) -> None:
    """To be called with each report of a test."""
    if report.failed:
        item.stash.setdefault(failures, []).append(f"{item.nodeid} ({report.when})\n{report.longreprtext}")


def has_failed(item: pytest.Item) -> bool:
    """Has the test failed on this rank?"""
    return bool(item.stash.get(failures, []))


@contextmanager
def uncaptured(config: pytest.Config) -> Iterator[TextIO]:
    """The real standard error, which pytest keeps from a test."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        yield sys.stderr


class Agreement:
    """The ranks of a parallel session: they go on together or stop together."""

    def __init__(self, comm: Any):
        self.comm = comm
        self.rank = comm.Get_rank()
        self.held = io.StringIO()  # what this rank would print

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if self.rank > 0:
            reporter = session.config.pluginmanager.getplugin("terminalreporter")
            assert reporter is not None
            reporter._tw._file = self.held

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        texts: list[str] = item.stash.get(failures, [])
        own = "\n".join(texts)
        failed = np.array([1 if own else 0])
        request = self.comm.Iallreduce(np.array(failed), failed)
        deadline = time.monotonic() + (GRACE if own else 2 * PATIENCE)
        while not request.Test():
            if time.monotonic() > deadline:
                self.end_job(item, own or f"{item.nodeid}: the other ranks do not come to the end of this test")
            time.sleep(1e-4)
        if failed[0]:
            for rank, text in enumerate(self.comm.allgather(own)):
                if text and self.rank == 0 != rank:
                    with uncaptured(item.config) as stderr:
                        print(f"\nrank {rank} of {self.comm.Get_size()} failed: {text}", file=stderr, flush=True)
            item.session.shouldfail = "a test failed on some rank, so all ranks end the session"
        return result

    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool:
        """In place of pytest-timeout's own timer, whose output a rank other than 0 would not show."""
        seconds = settings.timeout if item.get_closest_marker("timeout") else min(settings.timeout, PATIENCE)
        timer = threading.Timer(seconds, self.end_job, (item, f"{item.nodeid} took longer than {seconds:g} s"))
        timer.daemon = True
        timer.start()
        item.cancel_timeout = timer.cancel  # type: ignore[attr-defined]
        return True

    def pytest_timeout_cancel_timer(self, item: pytest.Item) -> bool:
        item.cancel_timeout()  # type: ignore[attr-defined]
        return True

    def end_job(self, item: pytest.Item, text: str) -> None:
        """Say why and where each thread stands, and end this process; mpirun then ends the others."""
        with uncaptured(item.config) as stderr:
            print(f"\nrank {self.rank} of {self.comm.Get_size()} ends the job: {text}", file=stderr, flush=True)
            faulthandler.dump_traceback(stderr, all_threads=True)
            os._exit(1)
