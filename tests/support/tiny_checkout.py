"""A checkout of a tiny distnn with the scripts of launch/, and their start."""

from __future__ import annotations

from pathlib import Path

from mpi_runner import Job

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "distnn"
version = "0"
dependencies = ["mpi4py"]
[project.optional-dependencies]
mpich = ["mpich"]
test = []
[tool.setuptools]
packages = ["distnn"]
"""

TRAINER = """\
import os, signal, sys, time
from pathlib import Path
from mpi4py import MPI

seen = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: seen.append(signal.Signals(number).name))
ranks = MPI.COMM_WORLD
ranks.barrier()  # from here on all ranks listen
if ranks.rank == 0:  # mpirun may mix the output of two
    print(f"{ranks.size} ranks", *sys.argv[1:], flush=True)
if "--wait" in sys.argv:
    deadline = time.monotonic() + 300
    while not seen and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    seen = ranks.gather(seen)
    if ranks.rank == 0:
        print("seen:", seen, flush=True)
    ranks.barrier()
    sys.exit(75)
if ranks.rank == 0 and "DISTNN_EXIT_CODE_FILE" in os.environ:
    Path(os.environ["DISTNN_EXIT_CODE_FILE"]).write_text("0\\n")
"""

OWN = {"DISTNN_MPI": None, "DISTNN_VENV": None}  # changes to the environment, for a checkout other than this one


def local(checkout: Path, *options: str, **changes: str | None) -> Job:
    """Start the checkout's local.sh, from elsewhere."""
    return Job([str(checkout / "launch/local.sh"), *options], cwd="/", env=OWN | changes)
