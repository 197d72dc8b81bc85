"""A plugin for pytest: several sessions side by side share the tests, so that none is idle before all are done.

Each collects the same tests and goes through the files in the same order. A file belongs to the session that comes
first, so that what a file sets up is set up once. Files that wait for batch systems, the longest, come first of all,
then those that start jobs; of these the ones with the most tests come first, so that none runs alone in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest


class Sharing:
    """folder: of notes, a note for each file that a session has taken."""

    def __init__(self, folder: Path):
        self.folder = folder

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        files: dict[Path, list[pytest.Item]] = {}
        for item in items:
            files.setdefault(item.path, []).append(item)

        def rank(tests: list[pytest.Item]) -> tuple[int, int]:
            markers = {mark.name for test in tests for mark in test.iter_markers()}
            return 0 if "batch" in markers else 1 if "job" in markers else 2, -len(tests)

        items[:] = [item for tests in sorted(files.values(), key=rank) for item in tests]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """As pytest's own, but that which test comes next is known no earlier than needed."""
        if session.testsfailed or session.config.option.collectonly:
            return None
        tests = self.taken(session)
        test = next(tests, None)
        while test is not None:
            following = next(tests, None)
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
            test = following
        return True

    def taken(self, session: pytest.Session) -> Iterator[pytest.Item]:
        """The tests of those files that no other session has taken before."""
        for path, of_file in groupby(session.items, key=lambda item: item.path):
            tests = list(of_file)
            try:
                (self.folder / str(path).replace("/", "%")).touch(exist_ok=False)
            except FileExistsError:
                session.config.hook.pytest_deselected(items=tests)
            else:
                yield from tests
