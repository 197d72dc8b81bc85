"""How the processes that a launcher started find each other, or say that they cannot."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from distnn.errors import UserError, shown
from distnn.parallel.mpi import MPIRanks, mpi_library
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.uncaught import end_all_ranks

# How many processes each launcher says it started. SLURM_STEP_NUM_TASKS, not SLURM_NTASKS: the latter is
# also set in a batch script, where one process on its own is right.
LAUNCHER_SIZES = {
    "OMPI_COMM_WORLD_SIZE": "Open MPI's mpirun",
    "PMI_SIZE": "the mpirun of MPICH or Intel MPI, or srun --mpi=pmi2",
    "MV2_COMM_WORLD_SIZE": "MVAPICH's mpirun",
    "SLURM_STEP_NUM_TASKS": "srun",
}
START = 600.0  # seconds that all ranks may take to find each other
START_SECONDS = "DISTNN_START_SECONDS"  # the variable that says otherwise


def connect(comm: Any = None) -> Ranks:
    """The ranks of `comm`: an mpi4py communicator, or None for all processes of the job. A `Ranks` is returned as is.

    None means COMM_WORLD where MPI is installed and one process where it is not. UserError for what is no communicator,
    and where the launcher started many processes but MPI connects none of them: this would run as one of many.
    """
    if isinstance(comm, Ranks):
        return comm
    if comm is None:
        comm = world()
    elif not hasattr(comm, "Get_size"):
        raise UserError(f"comm={shown(comm)}: give a communicator of mpi4py, or None for all processes of the job.")
    elif not comm:
        raise UserError("comm is MPI.COMM_NULL: this rank is in no communicator to train in, and has nothing to call.")
    elif comm.Is_inter():
        raise UserError("comm connects two groups of ranks, but a training is of one: give comm.Merge(), or a group's.")
    if comm is None or comm.Get_size() == 1:
        if comm is None or comm.Get_name() == "MPI_COMM_WORLD":
            refuse_worlds_of_one(os.environ)
        _start_seconds(os.environ)
        return OneRank()
    found = MPIRanks(comm)
    end_all_ranks(found)
    with found.none_alone():
        _start_seconds(os.environ)
    return found


def world() -> Any:
    """COMM_WORLD of mpi4py, or None where there is no MPI. Collective the first time, if a launcher started several.

    Where the ranks then do not find each other in time, this process ends by SIGALRM.
    """
    os.environ.setdefault("UCX_DEBUG_SIGNO", "0")  # else UCX, below MPI, takes SIGHUP for debugging
    limit = 0.0
    if _launcher_of_several(os.environ) and "mpi4py.MPI" not in sys.modules:
        with suppress(UserError):  # which is raised when the ranks have met: perhaps only this one has a bad value
            limit = START
            limit = _start_seconds(os.environ)
    try:
        with _alarm(limit):
            from mpi4py import MPI

            if limit:
                MPI.COMM_WORLD.Barrier()  # some libraries connect ranks at their first message
    except (ImportError, RuntimeError):  # RuntimeError: mpi4py is there, the MPI library is not
        return None
    return MPI.COMM_WORLD


def _start_seconds(environment: Mapping[str, str]) -> float:
    """How long MPI may take to start, 0 for as long as it likes. UserError where the variable is no such number."""
    text = environment.get(START_SECONDS, str(START))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(f"{START_SECONDS} is {text!r}; it should be a number of seconds, or 0 for no limit.")
    return seconds


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """End this process by SIGALRM if the body takes longer; 0: never. Local.

    MPI_Init waits for all ranks, for ever if one of them never comes, and keeps Python's lock meanwhile: no thread, and
    no handler in Python, could end it. What the signal does by itself can, and batch jobs are then started again.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def _launcher_of_several(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable in which a launcher says that it started several processes, and who it is; None for one process."""
    for name, launcher in LAUNCHER_SIZES.items():
        size = environment.get(name, "1")
        if size.isdigit() and int(size) > 1:
            return name, launcher
    return None


def refuse_worlds_of_one(environment: Mapping[str, str]) -> None:
    """Raise UserError if a launcher started several processes that MPI does not connect.

    Called where MPI sees a single process: N copies would each train everything, and overwrite each other.
    """
    if found := _launcher_of_several(environment):
        name, launcher = found
        raise UserError(
            f"{launcher} started {environment[name]} processes ({name}={environment[name]}), but {mpi_library()} "
            f"connects none of them: each would train everything alone. {launcher_advice()}"
        )


def others_may_have_mpi() -> bool:
    """Is this one of several processes that a launcher started, and has no MPI? Local.

    If others have it, they wait for this one where MPI begins.
    """
    return _launcher_of_several(os.environ) is not None and "mpi4py.MPI" not in sys.modules


def launcher_advice() -> str:
    """Which launcher fits the MPI library in use. Local."""
    library = mpi_library().lower()
    if "open mpi" in library:
        return "Start it with Open MPI's own mpirun, or with srun --mpi=pmix."
    if "mpich" in library or "intel" in library:
        return "Start it with the mpirun that came with that library, or with srun --mpi=pmi2."
    return "Install mpi4py with the MPI library of this launcher (for a workstation: pip install 'distnn[mpich]')."
