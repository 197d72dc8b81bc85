"""A failure on one rank of a parallel session ends the session on all of them, and says what failed. And a test
that starts a process without the marker for it fails."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from measuring import VARIABLE as MEASURED
from measuring import Measuring
from mpi_runner import mpirun

CONFTEST = Path(__file__).with_name("conftest.py")
SUPPORT = CONFTEST.with_name("support")
SETTINGS = f"""
[pytest]
pythonpath = {SUPPORT}
markers =
    slow
    job
timeout = 300
timeout_method = thread
"""
pytestmark = pytest.mark.job


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the package, these sessions reach nothing that others do not; under coverage pytest takes twice as long."""
    monkeypatch.delenv(MEASURED, raising=False)


def session(folder: Path, body: str, ranks: int = 2, *options: str, grace: float = 300) -> tuple[int, str]:
    """The exit code and output of a parallel session of one test file, with this project's conftest.py.

    grace: seconds that a rank which failed waits for the others.
    """
    (folder / "conftest.py").write_text(CONFTEST.read_text() + f"\nimport agreement\nagreement.GRACE = {grace}\n")
    (folder / "test_inner.py").write_text("import pytest, time\npytestmark = pytest.mark.mpi\n" + body)
    (folder / "pytest.ini").write_text(SETTINGS)
    done = mpirun(
        ranks,
        "-m",
        "pytest",
        "--with-mpi",
        "-p",
        "no:cacheprovider",
        "--color=no",
        *options,
        folder,
        cwd=folder,
    )
    return done.returncode, done.stdout + done.stderr


def test_all_pass_and_rank_0_alone_prints(tmp_path: Path) -> None:
    code, output = session(
        tmp_path,
        """
def test_sum(comm, ranks):
    assert comm.allreduce(1) == 2 == ranks.size
    print("noise")
""",
    )
    assert code == 0, output
    assert output.count("1 passed") == 1


def test_failure_on_one_rank_ends_the_session_on_all(tmp_path: Path) -> None:
    """Without the agreement, rank 1 would send its 'second' into rank 0's wait for 'first'."""
    code, output = session(
        tmp_path,
        """
def test_first(comm):
    assert comm.rank == 0, "only rank 1 fails"

def test_second(comm):
    print("SECOND RAN")
    assert False, "SECOND RAN"
""",
    )
    assert code == 1, output
    assert "rank 1 of 2 failed: test_inner.py::test_first" in output
    assert "only rank 1 fails" in output
    assert "SECOND RAN" not in output


def test_failure_while_another_rank_waits_in_a_collective_call(tmp_path: Path) -> None:
    code, output = session(
        tmp_path,
        """
def test_deadlock(comm):
    if comm.rank == 1:
        raise ValueError("rank 1 leaves")
    comm.barrier()
""",
        grace=1,
    )
    assert code != 0, output
    assert "rank 1 of 2 ends the job" in output
    assert "ValueError: rank 1 leaves" in output


@pytest.mark.parametrize("hung", [0, 1])
def test_hung_rank_ends_the_job_and_shows_where_it_stands(tmp_path: Path, hung: int) -> None:
    code, output = session(
        tmp_path,
        f"""
def stand_still():
    time.sleep(1000)

@pytest.mark.timeout(5)
def test_hang(comm):
    if comm.rank == {hung}:
        stand_still()
""",
    )
    assert code != 0, output
    assert f"rank {hung} of 2 ends the job: test_inner.py::test_hang took longer than 5 s" in output
    assert "in stand_still" in output


def test_slow_tests_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    body = """
@pytest.mark.slow
def test_slow():
    pass

def test_quick():
    pass
"""
    assert "1 passed, 1 deselected" in session(tmp_path, body)[1]
    assert "1 passed, 1 deselected" in session(tmp_path, body, 2, "-m", "slow")[1]


def test_a_test_that_starts_a_process_without_the_marker_fails(tmp_path: Path) -> None:
    body = """
import os, subprocess

def test_unmarked():
    subprocess.run(["true"])

def test_swallowed():
    try:
        os.system("true")
    except RuntimeError:
        pass

@pytest.mark.job
def test_marked():
    subprocess.run(["true"], check=True)
"""
    code, output = session(tmp_path, body, 1)
    assert code == 1
    assert "1 failed, 2 passed, 1 error in" in output, output  # swallowed: an error after the test
    for name in ("unmarked", "swallowed"):
        assert f"test_inner.py::test_{name} starts a process" in output
    assert "test_marked starts" not in output


SHARED = """
import pytest

@pytest.fixture(scope="module")
def whole():
    print("SET UP", flush=True)

@pytest.mark.parametrize("k", range(2))
def test_together(k, whole): pass

def test_alone(): pass

@pytest.mark.job
@pytest.mark.parametrize("k", range(2))
def test_jobs(k, whole): pass

@pytest.mark.job
def test_job(): pass
"""


def test_sessions_that_share_the_tests_run_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What uses a fixture of the file as a whole; what another session has taken is left out. Jobs alone begin with
    what belongs together; else the others come first, what belongs together before all, and jobs last, in reverse."""
    taken, report = tmp_path / "taken", tmp_path / "report"
    taken.mkdir()
    report.mkdir()
    monkeypatch.setenv("DISTNN_TEST_SHARED", str(taken))
    monkeypatch.setenv("DISTNN_TEST_REPORT", str(report))

    def passed(*options: str) -> str:
        code, output = session(tmp_path, SHARED, 1, "-v", "-s", *options)
        assert code == 0, output
        found = re.findall(r"SET UP|(?<=::test_)\S+", output)
        return " ".join(found).replace("[0] SET UP", "[0]*")

    jobs, others = "jobs[0]* jobs[1] job", "together[0]* together[1] alone"
    assert passed("-m", "job") == jobs
    assert passed() == others
    for note in taken.iterdir():
        note.unlink()
    assert passed() == f"{others} job jobs[0]* jobs[1]"
    assert passed("-m", "job") == ""
    (taken / hashlib.sha256(b"test_inner.py::test_job").hexdigest()).unlink()
    assert passed() == "job"
    outcomes = json.loads((report / "rank-0.json").read_text())
    assert outcomes["test_inner.py::test_jobs[0]"] == ["left out", "job"]
    assert outcomes["test_inner.py::test_alone"] == ["left out", ""]
    assert outcomes["test_inner.py::test_job"] == ["passed", ""]


def test_what_shares_a_fixture_of_the_session_is_one_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the folder that has it, in whatever files; but no jobs, and nothing that does without."""
    taken, folder = tmp_path / "taken", tmp_path / "folder"
    taken.mkdir()
    folder.mkdir()
    monkeypatch.setenv("DISTNN_TEST_SHARED", str(taken))
    (folder / "conftest.py").write_text("import pytest\n\n@pytest.fixture(scope='session')\ndef whole(): pass\n")
    for name in "ab":
        (folder / f"test_{name}.py").write_text(
            f"import pytest\n\n@pytest.mark.job\ndef test_{name}_job(whole): pass\n\n"
            f"def test_{name}_alone(): pass\n\ndef test_{name}_with(whole): pass\n"
        )

    def passed() -> list[str]:
        code, output = session(tmp_path, "def test_outside(): pass", 1, "-v")
        assert code == 0, output
        return re.findall(r"(?<=::test_)\S+(?= PASSED)", output)

    everything = passed()
    assert everything[:2] == ["a_with", "b_with"]
    assert sorted(everything[2:]) == ["a_alone", "a_job", "b_alone", "b_job", "outside"]
    for note in taken.iterdir():
        note.unlink()
    (taken / hashlib.sha256(b"folder").hexdigest()).touch()
    assert passed() == everything[2:]


def test_coverage_measures_processes_of_first_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEASURED, "settings")
    for indices, marker, measured in (
        ({}, "job", True),
        ({"a": 0, "b": 0}, "job", True),
        ({"a": 0, "b": 2}, "job", False),
        ({}, "batch", False),
    ):
        item: Any = SimpleNamespace(
            callspec=SimpleNamespace(indices=indices), get_closest_marker=lambda name, marker=marker: name == marker
        )
        protocol = Measuring().pytest_runtest_protocol(item)
        next(protocol)
        assert (MEASURED in os.environ) is measured
        assert next(protocol, None) is None
        assert os.environ[MEASURED] == "settings"
