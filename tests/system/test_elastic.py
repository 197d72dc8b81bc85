"""Ranks are killed under Open MPI with ULFM; those that are left go on, and end with the bits of an undisturbed run."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from mpi_runner import Job, is_open_mpi, mpirun
from trainings import BASE, INJECT, metrics, model, trained, wait_until

from distnn.command_line.exit_code import VARIABLE
from distnn.errors import UserError
from distnn.resilience.elastic import CANNOT

ELASTIC = (*BASE, "--max-iterations", "30", "--checkpoint-every", "3", "--elastic")
pytestmark = [
    pytest.mark.job,
    pytest.mark.usefixtures("no_shared_memory_stays"),
]


@pytest.fixture(scope="module")
def binaries(request: pytest.FixtureRequest) -> Path:
    """The folder of an Open MPI's mpirun, and of a Python that has it."""
    if is_open_mpi():
        return Path(sys.executable).parent
    return Path(request.getfixturevalue("open_mpi"))


def start(binaries: Path, P: int, *arguments: Any, word: Path | None = None) -> Job:
    """A job whose ranks may die. Its ranks are not bound, since tests side by side would share core 0.

    word: where rank 0 leaves its exit code.
    """
    report = ["env", f"{VARIABLE}={word}"] if word else []
    command = [str(binaries / "mpirun"), "--with-ft", "ulfm", "-n", str(P), *report, str(binaries / "python")]
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return Job([*command, *map(str, arguments)], env={"PATH": path}, size=P)


def assert_as_undisturbed(out: Path, expected: dict[str, list[Any]]) -> None:
    assert model(out) == expected
    assert [record["t"] for record in metrics(out)] == list(range(31)), "an iteration was lost, or counted twice"


@pytest.mark.parametrize("victims", [[0], [1], [0, 2], [1, 0, 3]])
def test_ranks_that_are_killed(
    victims: list[int],
    binaries: Path,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],
) -> None:
    out, P = tmp_path / "run", max(3, len(victims) + 1)
    with start(binaries, P, INJECT, "slow", "all", *ELASTIC, "--out", out) as job:
        pids = job.rank_pids()
        wait_until(lambda: len(metrics(out)) >= 4, "training")
        for victim in victims:
            os.kill(pids[victim], signal.SIGKILL)
            if victim == victims[0] and len(victims) > 2:  # the last two at once
                t = len(metrics(out))
                wait_until(lambda: len(metrics(out)) > t + 2, "training goes on")  # noqa: B023
        done = job.finish()
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
    undisturbed: dict[str, list[Any]],
) -> None:
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, fault, victim, *ELASTIC, "--out", out) as job:
        done = job.finish()
    assert done.returncode == 0, done.stderr
    assert "ranks died, 1 so far; the other 2 go on" in done.stderr
    assert_as_undisturbed(out, undisturbed)
    assert not list(out.rglob(".*"))


def test_stopped_by_a_signal_after_a_loss(binaries: Path, tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, "slow", "all", *ELASTIC, "--out", out) as job:
        pids = job.rank_pids()
        wait_until(lambda: len(metrics(out)) >= 4, "training")
        os.kill(pids[0], signal.SIGKILL)
        job.wait_for("ranks died")
        t = len(metrics(out))
        wait_until(lambda: len(metrics(out)) > t, "training goes on")
        os.kill(pids[2], signal.SIGUSR1)
        done = job.finish()
    assert done.returncode == 75, done.stderr
    trained(out, "--resume", "--quiet")
    assert_as_undisturbed(out, undisturbed)


@pytest.mark.parametrize(("fault", "text"), [("between", "injected fault"), ("stopped", "rank 1 (on ")])
def test_what_is_no_death_ends_the_job(fault: str, text: str, binaries: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with start(binaries, 3, INJECT, fault, 1, *ELASTIC, "--watchdog", "5", "--out", out) as job:
        done = job.finish()
    assert done.returncode not in (0, 75)
    assert text in done.stderr


def test_bad_use_ends_with_its_exit_code(binaries: Path, tmp_path: Path) -> None:
    with start(binaries, 3, "-m", "distnn.train", "--elastic", "--data", tmp_path / "none.csv") as job:
        done = job.finish()
    assert done.returncode == 2
    assert done.stderr.count("none.csv") == 1


def test_an_mpi_that_cannot_says_so_and_trains(tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    done = mpirun(2, "-m", "distnn.train", *ELASTIC, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stderr.split()).count(CANNOT) == 1
    assert_as_undisturbed(tmp_path / "run", undisturbed)


def test_elastic_restarts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leave out --folds, --members and --restarts"):
        trained(tmp_path / "run", *ELASTIC, "--restarts", "2")


def test_all_killed_is_no_success(binaries: Path, tmp_path: Path) -> None:
    """mpirun --with-ft ulfm ends with 0 then; rank 0's own exit code, in the file that scripts look at, does not."""
    word = tmp_path / "word"
    arguments = (*ELASTIC, "--out", tmp_path / "run")
    for victims, expected in (([0, 1, 2], "running\n"), ([0], "75\n")):
        word.write_text("running\n")
        with start(binaries, 3, INJECT, "slow", "all", *arguments, word=word) as job:
            pids = job.rank_pids()
            wait_until(lambda: len(metrics(tmp_path / "run")) >= 4, "training")
            for victim in victims:
                os.kill(pids[victim], signal.SIGKILL)
            if len(victims) < 3:
                job.wait_for("ranks died")
                os.kill(pids[1], signal.SIGUSR1)
            job.finish()
        assert word.read_text() == expected
        shutil.rmtree(tmp_path / "run")
