"""environment.sh: an environment is set up once, by one start, and what is not its own is left alone."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from availability import unavailable
from tiny_checkout import PROJECT, local

pytestmark = pytest.mark.job


def test_python_too_old(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in ["python3", *(f"python3.{minor}" for minor in range(11, 15))]:
        (old / name).write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.1;; *) exit 1;; esac\n")
        (old / name).chmod(0o755)
    with local(checkout, PATH=f"{old}:/usr/bin:/bin") as job:
        done = job.finish()
    assert done.returncode == 1
    assert "distnn needs Python 3.11 or newer" in done.stderr and "python3 is Python 3.9.1" in done.stderr


def test_unknown_mpi(checkout: Path) -> None:
    with local(checkout, DISTNN_MPI="mpi") as job:
        done = job.finish()
    assert done.returncode == 1 and "DISTNN_MPI is 'mpi'" in done.stderr


def test_a_folder_with_other_things_in_it_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    precious = tmp_path / "home" / "precious"
    precious.parent.mkdir()
    precious.write_text("do not delete")
    with local(checkout, DISTNN_VENV=str(precious.parent)) as job:
        done = job.finish()
    assert done.returncode == 1 and "is not a Python environment and holds other things" in done.stderr
    assert precious.read_text() == "do not delete"


def test_the_environment_of_another_checkout_is_left_alone(checkout: Path, ready: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ready, other)
    (other / "pyproject.toml").write_text(PROJECT + "# changed\n")
    with local(other, DISTNN_VENV=str(ready / ".venv")) as job:
        done = job.finish()
    assert done.returncode == 1 and f"is the environment of {ready}" in done.stderr
    with local(ready, "-n", "1") as job:
        assert job.finish().stdout == "1 ranks\n"


@pytest.fixture
def outside_path() -> Iterator[str]:
    """PATH without this environment, as a newcomer has it."""
    here = Path(sys.executable).parent
    yield os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != here)


def test_set_up_twice_at_once_and_repair(checkout: Path, outside_path: str) -> None:
    """For real, from the package index: needs a network, and says so where there is none."""
    fresh = {"PATH": outside_path, "VIRTUAL_ENV": None, "DISTNN_MPI": "mpich"}
    stamp = checkout / ".venv/distnn-environment"

    with local(checkout, "-n", "2", **fresh) as one, local(checkout, "-n", "2", **fresh) as two:
        both = [one.finish(), two.finish()]
    if any("No matching distribution" in done.stderr or "ConnectionError" in done.stderr for done in both):
        unavailable("setting up an environment needs the package index", both[0].stderr)
    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    assert [done.stdout for done in both] == ["2 ranks\n"] * 2
    assert sum("Setting up" in done.stderr for done in both) == 1
    finished = stamp.read_text()

    stamp.write_text("unfinished\n")  # what a set-up leaves that was interrupted
    shutil.rmtree(next((checkout / ".venv/lib").glob("python*/site-packages/pip")))
    with local(checkout, "-n", "2", **fresh) as job:
        done = job.finish()
    assert done.returncode == 0, done.stderr
    assert stamp.read_text() == finished


def test_an_edit_during_the_set_up_is_installed_by_the_next_start(ready: Path) -> None:
    python = ready / ".venv/bin/python"
    real = python.read_text().splitlines()[-1]
    (ready / "edit").touch()
    pip = """case "$*" in
"-m pip install"*) [ ! -e edit ] || { rm edit; echo "# another one" >>pyproject.toml; }; exit ;;
"-m pip"*) exit ;;
esac"""
    python.write_text(f"#!/bin/sh\n{pip}\n{real}\n")
    (ready / ".venv/distnn-environment").write_text(f"{ready}\nMPI automatic\nextras \n# an older one")
    said = []
    for _ in range(3):
        with local(ready, "-n", "1") as job:
            done = job.finish()
        assert done.returncode == 0, done.stderr
        said.append("Setting up" in done.stderr)
    assert said == [True, True, False]


@pytest.mark.parametrize(
    ("stamp", "stays"), [("MPI automatic\nextras \n# an older one", True), ("MPI openmpi\n", False)]
)
def test_mpi_stays_where_only_extras_or_the_project_are_new(stamp: str, stays: bool, ready: Path) -> None:
    python = ready / ".venv/bin/python"
    real = python.read_text().splitlines()[-1]
    python.write_text(f'#!/bin/sh\ncase "$*" in "-m pip"*) echo "$*" >>"{ready}/pip"; exit ;; esac\n{real}\n')
    (ready / ".venv/distnn-environment").write_text(f"{ready}\n{stamp}")
    with local(ready, "-n", "1") as job:
        done = job.finish()
    assert done.returncode == 0, done.stderr
    said = (ready / "pip").read_text()
    assert "install --quiet" in said and ("uninstall" not in said) is stays
