"""What all tests share: fixtures for parallel tests, and what keeps a failure on one rank from hanging the others.

Serial:      python -m pytest
In parallel: mpirun -n 3 python -m pytest --with-mpi -m mpi

Under mpirun every rank runs the same tests in the same order. After each test the ranks agree, on a communicator of
their own, whether all passed; if not, all of them end the session, so that a rank that failed cannot pair its
next collective call with the others' present one. Only rank 0 prints; of the others one sees the failures.
Where DISTNN_TEST_REPORT names a folder, each rank leaves there what became of each of its tests, for summary.py.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest

from distnn.kernels import library
from distnn.parallel import launcher
from distnn.parallel.ranks import OneRank, Ranks

PATIENCE = 10.0  # seconds a rank whose test failed waits for the others before it ends the job
LIMIT_UNDER_MPI = 60.0  # seconds for a test that sets no limit of its own

failures = pytest.StashKey[list[str]]()


@pytest.fixture
def comm(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A duplicate of COMM_WORLD for this test alone. Collective."""
    from mpi4py import MPI

    duplicate = MPI.COMM_WORLD.Dup()
    yield duplicate
    if not request.node.stash.get(failures, []):  # freeing is collective: a rank that failed would wait here
        duplicate.Free()


@pytest.fixture
def ranks(request: pytest.FixtureRequest) -> Ranks:
    """The ranks of `comm`; in a serial session one rank, without MPI. Collective."""
    if not request.config.getoption("--with-mpi"):
        return OneRank()
    return launcher.connect(request.getfixturevalue("comm"))


@pytest.fixture(params=["off", *library.SETS])
def numpy_and_compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that uses this runs in numpy, and in compiled code for each set of instructions."""
    from availability import unavailable  # not at the top: test_conftest.py copies this file elsewhere, on its own

    if request.param not in ("off", *library.available()):
        unavailable(request.param, "a CPU that has these instructions, and distnn installed with a C compiler")
    monkeypatch.setenv(library.VARIABLE, request.param)


def pytest_configure(config: pytest.Config) -> None:
    report = os.environ.pop("DISTNN_TEST_REPORT", None)  # taken out: a test may start another pytest
    rank = 0
    if config.getoption("--with-mpi"):
        from mpi4py import MPI

        rank = MPI.COMM_WORLD.Get_rank()
        if MPI.COMM_WORLD.Get_size() > 1:
            config.pluginmanager.register(Agreement(MPI.COMM_WORLD.Dup()), "agreement")
    if report:
        config.pluginmanager.register(Report(Path(report) / f"rank-{rank}.json"), "report")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless the command line speaks of them (-m slow, or the test by name)."""
    if "slow" in config.option.markexpr or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash.setdefault(failures, []).append(f"{item.nodeid} ({report.when})\n{report.longreprtext}")
    return report


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
        deadline = time.monotonic() + (PATIENCE if own else 10 * LIMIT_UNDER_MPI)
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
        seconds = settings.timeout if item.get_closest_marker("timeout") else min(settings.timeout, LIMIT_UNDER_MPI)
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


class Report:
    """What became of each test on this rank: {test: [outcome, reason]}, kept in a file."""

    def __init__(self, path: Path):
        self.path = path
        self.tests: dict[str, tuple[str, str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.tests = {item.nodeid: ("never ran", "") for item in session.items}
        self.write()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.tests[report.nodeid][0] == "failed":
            return
        if report.failed:
            self.tests[report.nodeid] = "failed", report.when or ""
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
            self.tests[report.nodeid] = "skipped", reason.removeprefix("Skipped").lstrip(": ")
        elif report.when == "call":
            self.tests[report.nodeid] = "passed", ""

    def pytest_sessionfinish(self) -> None:
        self.write()

    def write(self) -> None:
        self.path.write_text(json.dumps(self.tests, indent=1))
