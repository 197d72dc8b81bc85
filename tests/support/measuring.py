"""A plugin for pytest: of a test with parameters, processes are measured by coverage for its first parameters only;
those of batch jobs are not.

To measure a process takes as long as half of a small training. Most parameters lead along the same lines, and what a
batch system starts trains as what mpirun starts.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

VARIABLE = "COVERAGE_PROCESS_START"  # every Python that starts reads it


class Measuring:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        parameters = item.callspec.indices.values() if hasattr(item, "callspec") else ()
        settings = os.environ[VARIABLE]
        if any(parameters) or item.get_closest_marker("batch"):
            del os.environ[VARIABLE]
        try:
            return (yield)
        finally:
            os.environ[VARIABLE] = settings
