"""SimGrid's library, by ctypes: a simulated MPI, whose ranks are stacks of this process, of which one runs at a time.

A rank that waits lets Python's lock go, as every call by ctypes does, so that the next one can run (states.py). Time
passes only where a rank says so (`compute`) and in messages. What the package keeps for a whole process (the compiled
library, BLAS's threads, caches of layouts and of the environment) is the same for all ranks of one version on one
machine, and is shared; a process can simulate once.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import glob
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from distnn.bench.scaling.networks import SPEED, Topology, deployment, platform
from distnn.bench.scaling.states import States
from distnn.errors import UserError

VOID = ctypes.c_void_p
MAIN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, VOID)
PROGRAM = "ranks"
PLACES = ("/usr/lib/*/libsimgrid.so.3.*", "/usr/local/lib/libsimgrid.so*", "/usr/lib/libsimgrid.so*")
ADVICE = "SimGrid is not installed, which simulates the ranks: apt-get install libsimgrid-dev, or https://simgrid.org."
# of Allreduce; for short messages, for all, for long ones; what Open MPI, MPICH and MVAPICH2 choose
ALLREDUCE = ("rdb", "redbcast", "lr", "ompi", "mpich", "mvapich2")
STACK = 1024  # KiB of a rank
# A message of m bytes over links of latency α and bandwidth B takes Σα + m/B and its share where others use them, too.
SETTINGS = (
    f"contexts/stack-size:{STACK}",
    "network/model:CM02",
    "network/latency-factor:1",
    "network/bandwidth-factor:1",
    "network/weight-S:0",
    "network/crosstraffic:0",
    "smpi/simulate-computation:no",
    "smpi/cpu-threshold:0",
    "smpi/bcast:binomial_tree",
    "smpi/barrier:ompi_recursivedoubling",
)


def find() -> str:
    """The file of SimGrid's library, which is not loaded yet. UserError if it is not installed."""
    found = [path for place in PLACES for path in sorted(glob.glob(place))]
    if name := next(iter(found), None) or ctypes.util.find_library("simgrid"):
        return name
    raise UserError(ADVICE)


@cache
def library() -> ctypes.CDLL:
    """SimGrid's library. Its MPI is no other's: names of functions stay apart from those of the MPI that mpi4py has."""
    try:
        found = ctypes.CDLL(find(), mode=ctypes.RTLD_LOCAL)
        found.simgrid_get_clock.restype = ctypes.c_double
        found.smpi_execute_flops.argtypes = [ctypes.c_double]
    except (OSError, AttributeError) as error:
        raise UserError(f"{ADVICE} ({error})") from error
    return found


def simulate(
    ranks: int, topology: Topology, latency: float, bandwidth: float, allreduce: str, work: Callable[[], None]
) -> float:
    """Run work() on each of so many ranks; returns the simulated seconds. Once in a process.

    allreduce: SimGrid's name of the algorithm. An exception of a rank is raised when all others have come to their end
    or wait for it in vain.
    """
    if topology.hosts < ranks:
        raise UserError(f"{topology} has {topology.hosts} hosts, too few for {ranks} ranks.")
    lib = library()
    errors: list[BaseException] = []
    states = States()

    def main(count: int, arguments: int) -> int:
        with states.forgotten():
            lib.MPI_Init(None, None)
            try:
                work()
            except BaseException as error:
                errors.append(error)
                lib.MPI_Abort(VOID.in_dll(lib, "MPI_COMM_WORLD"), 1)
            lib.MPI_Finalize()
        return 0

    lib.smpi_init_options()
    settings = (*SETTINGS, f"contexts/factory:{states.contexts}", f"smpi/allreduce:{allreduce}")
    words = ["simulation", *(f"--cfg={setting}" for setting in settings)]
    words.append("--log=root.thresh:error")
    arguments = (ctypes.c_char_p * (len(words) + 1))(*(word.encode() for word in words), None)
    lib.simgrid_init(ctypes.byref(ctypes.c_int(len(words))), arguments)
    lib.SMPI_init()
    called = MAIN(main)
    with tempfile.TemporaryDirectory(prefix="distnn-scaling-") as folder:
        for name, text, load in (
            ("platform.xml", platform(topology, latency, bandwidth), lib.simgrid_load_platform),
            ("deployment.xml", deployment(ranks, PROGRAM), None),
        ):
            path = Path(folder) / name
            path.write_text(text)
            if load is None:
                lib.SMPI_app_instance_register(PROGRAM.encode(), called, ranks)
                load = lib.simgrid_load_deployment
            load(str(path).encode())
        with states.forgotten():
            lib.simgrid_run()
    if errors:
        raise errors[0]
    return float(lib.simgrid_get_clock())


def now() -> float:
    """The simulated time of this rank, in seconds."""
    return float(library().simgrid_get_clock())


def compute(seconds: float) -> None:
    """This rank is busy for so many simulated seconds."""
    if seconds > 0:
        library().smpi_execute_flops(seconds * SPEED)
