"""Ranks are killed under Open MPI with ULFM; those that are left go on, and end with the bits of an undisturbed run."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from mpi_runner import Job, is_open_mpi, mpirun, python
from test_faults import (  # noqa: F401, two are fixtures
    BASE,
    INJECT,
    metrics,
    model,
    no_shared_memory_stays,
    undisturbed,
    wait_until,
)
from test_reproducibility import open_mpi as other_environment  # noqa: F401, a fixture
from threaded_ranks import on_ranks

from distnn.errors import RanksLost
from distnn.parallel.ranks import OneRank
from distnn.resilience.elastic import CANNOT, Recovery, carry_on, farthest
from distnn.training.loop import Progress
from distnn.training.termination import Record

ELASTIC = (*BASE, "--max-iterations", "30", "--checkpoint-every", "3", "--elastic")
pytestmark = pytest.mark.timeout(600)  # the first test may make an environment


@pytest.fixture(scope="module")
def binaries(request: pytest.FixtureRequest) -> Path:
    """The folder of an Open MPI's mpirun, and of a Python that has it."""
    if is_open_mpi():
        import sys

        return Path(sys.executable).parent
    return Path(request.getfixturevalue("other_environment"))


def start(binaries: Path, P: int, *arguments: Any) -> Job:
    """A job whose ranks may die. Its ranks are not bound, since tests side by side would share core 0."""
    command = [str(binaries / "mpirun"), "--with-ft", "ulfm", "-n", str(P), str(binaries / "python")]
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return Job([*command, *map(str, arguments)], env={"PATH": path}, size=P)


def assert_as_undisturbed(out: Path, expected: dict[str, list[Any]]) -> None:
    assert model(out) == expected
    assert [record["t"] for record in metrics(out)] == list(range(31)), "an iteration was lost, or counted twice"


@pytest.mark.parametrize("victims", [[0], [1], [2], [0, 2], [1, 0, 3]])
def test_ranks_that_are_killed(
    victims: list[int],
    binaries: Path,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],  # noqa: F811
) -> None:
    out, P = tmp_path / "run", max(3, len(victims) + 1)
    with start(binaries, P, INJECT, "slow", "all", *ELASTIC, "--out", out) as job:
        pids = job.rank_pids()
        wait_until(lambda: len(metrics(out)) >= 4, "training", 60)
        for victim in victims:
            os.kill(pids[victim], signal.SIGKILL)
            if victim == victims[0] and len(victims) > 2:  # the last two at once
                t = len(metrics(out))
                wait_until(lambda: len(metrics(out)) > t + 2, "training goes on")  # noqa: B023
        done = job.finish(90)
    assert done.returncode == 0, done.stderr
    left = P - len(victims)
    assert f"distnn: ranks died, {len(victims)} so far; the other {left} go on." in done.stderr
    assert "Traceback" not in done.stderr
    assert_as_undisturbed(out, undisturbed)
    assert not list(out.rglob(".*"))


@pytest.mark.parametrize(("fault", "victim"), [("killed_reading", 1), ("killed_reading", 0), ("killed_writing", 0)])
def test_killed_while_reading_and_writing(
    fault: str,
    victim: int,
    binaries: Path,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],  # noqa: F811
) -> None:
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, fault, victim, *ELASTIC, "--out", out) as job:
        done = job.finish(90)
    assert done.returncode == 0, done.stderr
    assert "ranks died, 1 so far; the other 2 go on" in done.stderr
    assert_as_undisturbed(out, undisturbed)
    assert not list(out.rglob(".*"))


def test_stopped_by_a_signal_after_a_loss(binaries: Path, tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:  # noqa: F811
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, "slow", "all", *ELASTIC, "--out", out) as job:
        pids = job.rank_pids()
        wait_until(lambda: len(metrics(out)) >= 4, "training", 60)
        os.kill(pids[0], signal.SIGKILL)
        job.wait_for("ranks died", 60)
        t = len(metrics(out))
        wait_until(lambda: len(metrics(out)) > t, "training goes on")
        os.kill(pids[2], signal.SIGUSR1)
        done = job.finish(60)
    assert done.returncode == 75, done.stderr
    assert python("-m", "distnn.train", "--resume", "--out", out, "--quiet").returncode == 0
    assert_as_undisturbed(out, undisturbed)


@pytest.mark.parametrize(("fault", "text"), [("between", "injected fault"), ("stopped", "rank 1 (on ")])
def test_what_is_no_death_ends_the_job(fault: str, text: str, binaries: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, fault, 1, *ELASTIC, "--watchdog", "2", "--out", out) as job:
        done = job.finish(60)
    assert done.returncode not in (0, 75)
    assert text in done.stderr


def test_bad_use_ends_with_its_exit_code(binaries: Path, tmp_path: Path) -> None:
    with start(binaries, 3, "-m", "distnn.train", "--elastic", "--data", tmp_path / "none.csv") as job:
        done = job.finish(60)
    assert done.returncode == 2
    assert done.stderr.count("none.csv") == 1


def test_an_mpi_that_cannot_says_so_and_trains(tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:  # noqa: F811
    done = mpirun(2, "-m", "distnn.train", *ELASTIC, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stderr.split()).count(CANNOT) == 1
    assert_as_undisturbed(tmp_path / "run", undisturbed)


def test_elastic_restarts_are_refused(tmp_path: Path) -> None:
    done = python("-m", "distnn.train", *ELASTIC, "--restarts", "2", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "--restarts 1" in done.stderr


class Lossy(OneRank):
    """A rank that is told of losses."""

    size = 3

    def all_finished(self, finished: bool) -> bool:
        return finished

    def regroup(self) -> None:
        self.size -= 1


def test_an_attempt_begins_where_the_last_one_stopped() -> None:
    ranks, progress = Lossy(), object.__new__(Progress)
    progress.record = None
    seen = []

    def attempt(recovery: Recovery) -> int:
        seen.append((recovery.progress, recovery.ranks_lost))
        recovery.progress = progress
        if len(seen) < 3:
            raise RanksLost("two have died")
        return 75

    assert carry_on(ranks, attempt) == 75
    # A progress without a record is none: another rank may not even have that.
    assert seen == [(None, 0), (None, 1), (None, 2)]
    assert farthest(None, ranks) is None


def test_the_rank_that_has_come_farthest_is_followed() -> None:
    def reached(t: int | None) -> Progress | None:
        if t is None:
            return None
        progress = object.__new__(Progress)
        progress.best_t, progress.record = t, Record(t, 0.5) if t >= 0 else None
        return progress

    for ts, expected in (([4, 5, 4], 5), ([5, 5, 5], 5), ([None, 0, None], 0), ([None, -1, None], None)):
        found = on_ranks(3, lambda ranks: farthest(reached(ts[ranks.rank]), ranks))  # noqa: B023
        assert [progress and progress.best_t for progress in found] == [expected] * 3
