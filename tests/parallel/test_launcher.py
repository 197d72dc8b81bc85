"""How processes find each other, and what is said where they do not; whole jobs are in tests/system/test_faults.py."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest
from mpi_runner import python
from threaded_ranks import outcomes

from distnn.errors import UserError
from distnn.parallel import launcher
from distnn.parallel.launcher import LAUNCHER_SIZES, START_SECONDS, connect, launcher_advice, refuse_worlds_of_one
from distnn.parallel.mpi import MPIRanks
from distnn.parallel.ranks import OneRank, Ranks


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests are as if started by hand, by whatever they were started."""
    for variable in (*LAUNCHER_SIZES, START_SECONDS):
        monkeypatch.delenv(variable, raising=False)


def test_ranks_are_taken_as_they_are() -> None:
    ranks = OneRank()
    assert connect(ranks) is ranks


def test_what_is_no_communicator_is_refused() -> None:
    with pytest.raises(UserError, match="comm=4: give a communicator of mpi4py, or None"):
        connect(4)

    class Null:
        """As MPI.COMM_NULL: what `Split` gives a rank that is left out."""

        def __bool__(self) -> bool:
            return False

        def Get_size(self) -> int:
            raise RuntimeError("Invalid communicator")

    with pytest.raises(UserError, match=r"comm is MPI\.COMM_NULL: this rank is in no communicator"):
        connect(Null())


@pytest.mark.mpi(min_size=2)
def test_what_connects_two_groups_is_refused(comm: Any) -> None:
    rank = comm.Get_rank()
    group = comm.Split(int(rank > 0))
    between = group.Create_intercomm(0, comm, int(rank == 0))
    with pytest.raises(UserError, match=r"comm connects two groups of ranks.*give comm\.Merge\(\), or a group's"):
        connect(between)
    between.Free()
    group.Free()


@pytest.mark.mpi(min_size=2)
def test_the_ranks_of_a_communicator(comm: object) -> None:
    ranks = connect(comm)
    assert isinstance(ranks, MPIRanks) and ranks.size > 1


@pytest.mark.mpi(min_size=2)
def test_a_communicator_of_one_is_one_process(comm: object) -> None:
    """Although the launcher started several: the others are in communicators of their own."""
    alone = comm.Split(comm.Get_rank())  # type: ignore[attr-defined]
    assert isinstance(connect(alone), OneRank)
    alone.Free()


@pytest.mark.parametrize("variable", LAUNCHER_SIZES)
def test_many_worlds_of_one_are_refused(variable: str) -> None:
    with pytest.raises(UserError) as refused:
        refuse_worlds_of_one({variable: "4"})
    text = str(refused.value)
    assert text.startswith(f"{LAUNCHER_SIZES[variable]} started 4 processes ({variable}=4), but ")
    assert text.endswith(launcher_advice())
    for size in ("1", "0", "", "some"):
        refuse_worlds_of_one({variable: size})


def test_a_process_of_several_without_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI")
    assert not launcher.others_may_have_mpi()
    monkeypatch.setenv("PMI_SIZE", "3")
    assert launcher.others_may_have_mpi()
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", object())  # type: ignore[arg-type]
    assert not launcher.others_may_have_mpi()


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", ""])
def test_a_senseless_time_to_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(START_SECONDS, text)
    with pytest.raises(UserError, match=f"{START_SECONDS} is '{text}'; it should be a number of seconds"):
        connect()


@pytest.mark.parametrize(
    ("library", "advice"),
    [
        ("Open MPI v5.0.8", "srun --mpi=pmix"),
        ("MPICH Version: 4.3", "srun --mpi=pmi2"),
        ("Intel(R) MPI Library 2021.1", "srun --mpi=pmi2"),
        ("no MPI library", "Install mpi4py"),
    ],
)
def test_which_launcher_fits(library: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "mpi_library", lambda: library)
    assert advice in launcher_advice()


def test_ranks_of_threads_are_ranks() -> None:
    assert all(isinstance(found, Ranks) for found in outcomes(2, connect))


@pytest.mark.job
def test_mpi_takes_no_signal() -> None:
    """UCX, below MPI, would print what it does from then on."""
    script = (
        "import os, signal; from distnn.parallel.launcher import world; world(); os.kill(os.getpid(), signal.SIGHUP)"
    )
    done = python("-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGHUP, "", "")
