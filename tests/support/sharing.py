"""A plugin for pytest: several sessions side by side share the tests, so that none is idle before all are done.

Each goes through the tests in the same order: those that wait for batch systems, then those that start jobs, then the
others. A test belongs to the session that comes first. Those of a file that use a fixture which lasts longer than a
test belong together, so that it is set up once; if they start no jobs and it lasts for the session, those of its
folder. A session that was asked for jobs alone goes from the front, one that has other tests as well from the back, and
helps with the jobs once it has met the others. What belongs together lies at both ends, the most tests outermost, so
that a single test is the last one to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest


def kind(test: pytest.Item) -> str:
    return next((marker for marker in ("batch", "job") if test.get_closest_marker(marker)), "other")


def portion(test: pytest.Item) -> str:
    """What one session takes as a whole: a test, or the jobs of a file that belong together, or its other tests, or
    those of a folder that share a fixture of the session."""
    assert isinstance(test, pytest.Function)
    fixtures = [fixture for found in test._fixtureinfo.name2fixturedefs.values() for fixture in found]
    shared = {fixture.scope: fixture.baseid for fixture in fixtures if fixture.scope != "function" and fixture.baseid}
    if "session" in shared and kind(test) == "other":
        return shared["session"]
    if shared:  # those of plugins have no baseid
        return f"{test.path}{'' if kind(test) == 'other' else ' jobs'}"
    return test.nodeid


def order(tests: list[pytest.Item]) -> tuple[int, int]:
    kinds = set(map(kind, tests))
    return (0, -len(tests)) if "batch" in kinds else (1, -len(tests)) if "job" in kinds else (2, len(tests))


class Sharing:
    """folder: of notes, a note for each portion that a session has taken."""

    def __init__(self, folder: Path):
        self.folder = folder

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        portions: dict[str, list[pytest.Item]] = {}
        for item in items:
            portions.setdefault(portion(item), []).append(item)
        from_the_back = any(kind(item) == "other" for item in items)
        in_order = sorted(portions.values(), key=order, reverse=from_the_back)
        items[:] = [item for tests in in_order for item in tests]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """As pytest's own, but that it takes the tests of a portion only when the one before is done."""
        if session.testsfailed or session.config.option.collectonly:
            return None
        for tests in self.taken(session):
            # After the last one all is torn down but what belongs to the session: what comes next is not yet known.
            for test, following in zip(tests, [*tests[1:], session], strict=True):
                test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
        return True

    def taken(self, session: pytest.Session) -> Iterator[list[pytest.Item]]:
        """The portions that no other session has taken before."""
        for name, of_portion in groupby(session.items, key=portion):
            tests = list(of_portion)
            try:
                (self.folder / hashlib.sha256(name.encode()).hexdigest()).touch(exist_ok=False)
            except FileExistsError:
                session.config.hook.pytest_deselected(items=tests)
            else:
                yield tests
