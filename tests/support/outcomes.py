"""A plugin for pytest: what became of each test, in a file for launch/summary.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

KINDS = ("slow", "batch", "job")  # markers, the narrowest first


class Outcomes:
    """What became of each test on this rank: {test: [outcome, reason]}, kept in a file. The reason of one that was left
    out is its kind: slow, batch, job, or nothing."""

    def __init__(self, path: Path):
        self.path = path
        self.tests: dict[str, tuple[str, str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.tests |= {item.nodeid: ("never ran", "") for item in session.items}
        self.write()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            self.tests[item.nodeid] = "left out", next((kind for kind in KINDS if item.get_closest_marker(kind)), "")

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
