"""A plugin for pytest: whoever starts a process bears the marker `job`.

`launch/test.sh --quick` leaves out the tests that start jobs, which it knows by that marker. Here every process that is
started is seen, and one that a test without the marker starts (or a fixture for it) fails that test, on the spot and,
should the code under test swallow the exception, at its end.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system")
# By fc-list matplotlib looks for fonts when it is first used on a machine; uname tells h5py what machine it is.
HARMLESS = ("fc-list", "uname")
started, told = pytest.StashKey[str](), pytest.StashKey[bool]()


class JobMarker:
    def __init__(self) -> None:
        self.item: pytest.Item | None = None  # the test that runs now
        sys.addaudithook(self.audit)

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in STARTS or (arguments and arguments[0] in HARMLESS):
            return
        if self.item is not None and self.item.get_closest_marker("job") is None:
            self.item.stash[started] = f"starts a process ({event}), so it should be marked: pytest.mark.job"
            raise RuntimeError(f"{self.item.nodeid} {self.item.stash[started]}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.item = item
        try:
            return (yield)
        finally:
            self.item = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            item.stash.setdefault(told, True)
        elif report.when == "teardown" and started in item.stash and told not in item.stash:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} {item.stash[started]}"
        return report
