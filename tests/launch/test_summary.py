"""The table at the end of the test command, and what it takes for a failure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import LAUNCH
from patience import PATIENCE

PASSED, FAILED, NEVER = ["passed", ""], ["failed", "call"], ["never ran", ""]
SKIPPED, NO_REASON = ["skipped", "needs a GPU"], ["skipped", ""]
TOO_FEW = ["skipped", "Test requires 4 MPI processes, only 2 MPI processes specified, skipping test"]


def summary(folder: Path, *options: str, **runs: tuple[int, list[dict[str, list[str]]]]) -> tuple[int, str, str]:
    """The exit code, last line and whole output of summary.py for runs (exit code, each rank's tests)."""
    for name, (code, ranks) in runs.items():
        run = folder / name.replace("_", "-")
        run.mkdir()
        (run / "exit-code").write_text(f"{code}\n")
        (run / "seconds").write_text("1\n")
        for rank, tests in enumerate(ranks):
            (run / f"rank-{rank}.json").write_text(json.dumps(tests))
    command = [sys.executable, str(LAUNCH / "summary.py"), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()[-1], done.stdout


@pytest.mark.job
def test_summary_of_linters_that_found_something(tmp_path: Path) -> None:
    (tmp_path / "lint-failed").touch()
    code, last, text = summary(tmp_path, serial=(0, [{"a": PASSED}]))
    assert (code, last) == (1, "1 passed, 1 failed") and "wrong: the linters found something" in text


def test_the_test_command_and_ci_run_the_linters() -> None:
    assert '"$HERE/lint.sh"' in (LAUNCH / "test.sh").read_text()
    assert "launch/test.sh" in (LAUNCH.parent / ".ci" / "run").read_text()


@pytest.mark.job
def test_summary_of_success(tmp_path: Path) -> None:
    small = {"a": PASSED, "b": TOO_FEW}
    code, last, text = summary(
        tmp_path,
        serial=(0, [{"c": PASSED, "d": SKIPPED}]),
        ranks_2=(0, [small] * 2),
        ranks_4=(0, [{"a": PASSED, "b": PASSED}] * 4),
    )
    assert (code, last) == (0, "4 passed, 0 failed, 1 skipped"), text
    assert "skipped in serial: d (needs a GPU)" in text


@pytest.mark.job
@pytest.mark.parametrize(
    ("run", "complaint"),
    [
        ((0, [{"a": TOO_FEW}] * 2), "not one test passed"),  # what pytest-mpi calls a success
        ((0, [{"a": PASSED, "b": TOO_FEW}] * 2), "b: no run had enough ranks for it"),
        ((0, [{"a": PASSED}]), "1 of 2 ranks reported"),  # N worlds of one, which write the same file
        ((0, []), "not one test passed"),
        ((0, [{"a": PASSED, "b": NO_REASON}] * 2), "b was skipped without a reason"),
        ((124, [{"a": PASSED, "b": NEVER}] * 2), "did not end within its time limit"),
        ((2, [{"a": PASSED}] * 2), "ended with exit code 2"),
        ((5, [{}, {}]), "ended with exit code 5"),
        ((0, [{"a": PASSED}, {"a": FAILED}]), "failed in ranks-2: a"),
    ],
)
def test_summary_of_what_only_looks_like_success(
    tmp_path: Path, run: tuple[int, list[dict[str, list[str]]]], complaint: str
) -> None:
    code, last, text = summary(tmp_path, serial=(0, [{"c": PASSED}]), ranks_2=run)
    assert code == 1 and complaint in text, text
    assert " 0 failed" not in last


@pytest.mark.job
def test_summary_of_what_was_left_out(tmp_path: Path) -> None:
    """In order if another run took it on, or for a known reason; --quick counts, a full run complains."""
    tests = {"a": PASSED, "b": ["left out", ""], "c": ["left out", "job"], "d": ["left out", "job"]}
    runs = {
        "serial_1": (0, [{**tests, "e": ["left out", "slow"]}]),
        "serial_2": (0, [{"a": ["left out", ""], "b": PASSED}]),
    }
    code, last, text = summary(tmp_path, "quick", **runs)
    assert (code, last) == (0, "2 passed, 0 failed"), text
    assert "left out: 2 of the tests that start other processes\n" in text
    assert "left out: 1 of the tests that take minutes" in text
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    code, last, text = summary(tmp_path, **runs)
    assert (code, last) == (1, "2 passed, 2 failed"), text
    assert "wrong: c: no run took it on" in text and "e: no run" not in text


@pytest.mark.job
def test_summary_of_a_run_whose_tests_others_took(tmp_path: Path) -> None:
    runs = {"jobs_1": (0, [{"a": PASSED}]), "jobs_2": (0, [{"a": ["left out", "job"]}])}
    code, last, text = summary(tmp_path, **runs)
    assert (code, last) == (0, "1 passed, 0 failed"), text


@pytest.mark.job
def test_summary_of_a_selection(tmp_path: Path) -> None:
    code, last, text = summary(tmp_path, "selected", serial=(0, [{"c": PASSED}]), ranks_2=(5, [{}, {}]))
    assert (code, last) == (0, "1 passed, 0 failed"), text
