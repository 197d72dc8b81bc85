"""What all tests share: fixtures for parallel tests and small tables, and the plugins in support/.

Serial:      python -m pytest
In parallel: mpirun -n 3 python -m pytest --with-mpi -m mpi
Quick:       python -m pytest -m "not job"

Where -m asks for tests with a marker, files in which it does not occur are not even imported. Tests that start
processes bear the marker `job` (support/job_marker.py sees to it). Under mpirun the ranks go on together or stop
together (support/agreement.py). Under coverage not all processes are measured (support/measuring.py). Where
DISTNN_TEST_REPORT names a folder, each rank leaves there what became of each of its tests, for launch/summary.py
(support/outcomes.py). Where DISTNN_TEST_SHARED names one, sessions side by side that name the same share the tests
(support/sharing.py).
"""

from __future__ import annotations

import gc
import os
import re
import signal
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from agreement import Agreement, has_failed, note_failure
from availability import need_instructions, use_instructions
from job_marker import JobMarker
from measuring import VARIABLE as MEASURED
from measuring import Measuring
from outcomes import Outcomes
from sharing import Sharing

from distnn.kernels import blocks, library
from distnn.parallel import launcher
from distnn.parallel.ranks import OneRank, Ranks

gc.disable()  # until all tests are collected

if not library.built():
    os.environ.setdefault(library.VARIABLE, "off")  # so that all else is tested where there is no C compiler


@pytest.fixture
def comm(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A duplicate of COMM_WORLD for this test alone. Collective."""
    from mpi4py import MPI

    duplicate = MPI.COMM_WORLD.Dup()
    yield duplicate
    if not has_failed(request.node):  # freeing is collective: a rank that failed would wait here
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
    if request.param != "off":
        need_instructions(request.param)
    use_instructions(request.param, monkeypatch)


@pytest.fixture(params=library.SETS)
def of(request: pytest.FixtureRequest) -> str:
    """A set of instructions."""
    need_instructions(request.param)
    return request.param


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 5 rows, so that small tables have many."""

    def cut(n: int, d: Sequence[int], dtype: Any, squares: bool = False) -> blocks.Cut:
        return blocks.Cut(n, 5, -(-n // 5))

    monkeypatch.setattr("distnn.runs.plan.cut", cut)
    monkeypatch.setattr("distnn.runs.plan.gpu_cut", cut)
    monkeypatch.setattr("distnn.data.batches.cut", cut)
    monkeypatch.setattr("distnn.inference.application.cut", cut)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell: jobs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Taken out: a test may start another pytest.
    report = os.environ.pop("DISTNN_TEST_REPORT", None)
    shared = os.environ.pop("DISTNN_TEST_SHARED", None)
    rank = 0
    config.pluginmanager.register(JobMarker(), "job marker")
    if config.getoption("--with-mpi"):
        from mpi4py import MPI

        rank = MPI.COMM_WORLD.Get_rank()
        if MPI.COMM_WORLD.Get_size() > 1:
            config.pluginmanager.register(Agreement(MPI.COMM_WORLD.Dup()), "agreement")
    if report:
        config.pluginmanager.register(Outcomes(Path(report) / f"rank-{rank}.json"), "outcomes")
    if MEASURED in os.environ:
        config.pluginmanager.register(Measuring(), "measuring")
    if shared:
        config.pluginmanager.register(Sharing(Path(shared)), "sharing")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import files without the marker that -m "MARKER and not … and not …" asks for. It takes seconds to import
    them all, and each rank would do it."""
    asked = re.fullmatch(r"(\w+)( and not \w+)*", config.option.markexpr)
    if asked is None or collection_path.suffix != ".py" or _is_named(collection_path, config.args):
        return None
    return True if f"mark.{asked[1]}" not in collection_path.read_text() else None


def _is_named(path: Path, arguments: Sequence[str]) -> bool:
    return any(Path(argument.partition("::")[0]).resolve() == path for argument in arguments)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless the command line speaks of them (-m slow, or the test by name)."""
    kept = items
    if "slow" not in config.option.markexpr and not any("::" in argument for argument in config.args):
        kept = [item for item in kept if not item.get_closest_marker("slow")]
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept


def pytest_collection_finish() -> None:
    """What is there now stays: so it need not be gone through each time that Python looks for garbage."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    note_failure(item, report)
    return report
