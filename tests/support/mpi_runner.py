"""Starting MPI jobs from a serial test: with a hard time limit, and so that nothing of them is left running.

done = mpirun(3, "-m", "distnn.train", "--max-iterations", "2")      # arguments of this Python
assert done.returncode == 0, done.stderr

with start(3, "-m", "distnn.train") as job:                          # for fault tests
    os.kill(job.rank_pids()[1], signal.SIGKILL)
    done = job.finish()
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import pytest
from patience import PATIENCE

# Set by launchers for their processes. A job started from a process that has them believes itself part of that job.
LAUNCHERS_VARIABLES = (
    *("PMI_", "PMI2_", "PMIX_", "HYDRA_", "HYDI_", "MPI_LOCAL", "MPIR_", "MPIEXEC_"),
    *("OMPI_", "PRTE_", "SLURM"),
)
RANK_VARIABLES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
JOB_VARIABLE = "DISTNN_TEST_JOB"  # inherited by all processes of a job, so that all can be found


def find_mpirun() -> str:
    """The mpirun beside this Python, or else the first on PATH."""
    beside = Path(sys.executable).parent / "mpirun"
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    if found is None:
        pytest.fail("no mpirun beside this Python nor on PATH: launch/test.sh sets up an environment that has one")
    return found


@functools.cache
def is_open_mpi() -> bool:
    """Is the mpirun found Open MPI's?"""
    said = subprocess.run(
        [find_mpirun(), "--version"], capture_output=True, text=True, timeout=PATIENCE, env=environment()
    )
    return "Open MPI" in said.stdout + said.stderr


def environment(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """This process's environment without a launcher's and CI's variables, and with `changes` (None: not set)."""
    ours = (*LAUNCHERS_VARIABLES, "DISTNN_COMPLETE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', os.defpath)}"
    clean["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"  # of MPICH: a rank that waits leaves its core to others
    # Only Open MPI 5 (PRTE) and 4 (OMPI) read these. Unbound, since jobs side by side would share core 0.
    clean |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    clean |= {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    clean |= {"PRTE_MCA_hwloc_default_binding_policy": "none", "OMPI_MCA_hwloc_base_binding_policy": "none"}
    for name, value in (changes or {}).items():
        if value is None:
            clean.pop(name, None)
        else:
            clean[name] = value
    return clean


def mpirun(
    n: int,
    *args: str | Path,
    timeout: float = PATIENCE,
    cwd: str | Path | None = None,
    env: Mapping[str, str | None] | None = None,
    options: Iterable[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `mpirun -n N python ARGS` to its end; past `timeout` seconds the test fails with the output so far.

    env: changes to the environment (None: not set). options: further ones for mpirun.
    """
    with start(n, *args, cwd=cwd, env=env, options=options) as job:
        return job.finish(timeout)


def python(
    *args: str | Path,
    timeout: float = PATIENCE,
    cwd: str | Path | None = None,
    env: Mapping[str, str | None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGS` as one process without mpirun, in the same way."""
    with Job([sys.executable, *map(str, args)], cwd, env) as job:
        return job.finish(timeout)


def start(
    n: int,
    *args: str | Path,
    cwd: str | Path | None = None,
    env: Mapping[str, str | None] | None = None,
    options: Iterable[str] = (),
) -> Job:
    """Start `mpirun -n N python ARGS` and go on; use it in a `with`, which ends what is left of the job."""
    return Job([find_mpirun(), *options, "-n", str(n), sys.executable, *map(str, args)], cwd, env, n)


def _read(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


class Job:
    """A command started in a session of its own, its output in files. Leaving the `with` ends all its processes."""

    def __init__(
        self,
        command: list[str],
        cwd: str | Path | None = None,
        env: Mapping[str, str | None] | None = None,
        size: int = 1,
    ):
        self.command = command
        self.size = size
        self.name = uuid.uuid4().hex
        self.struck = Path(tempfile.gettempdir()) / f"distnn-struck-{self.name}"  # for inject.py
        # Files, not pipes: nothing blocks on a pipe that is full, or that a stray process holds open.
        self._stdout, self._stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(env) | {JOB_VARIABLE: self.name, "TEST_STRUCK": str(self.struck)},
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        self._stdout.close()
        self._stderr.close()
        self.struck.unlink(missing_ok=True)

    @property
    def stdout(self) -> str:
        """What the job has written so far."""
        return _read(self._stdout.fileno())

    @property
    def stderr(self) -> str:
        return _read(self._stderr.fileno())

    def send_signal(self, number: int) -> None:
        """Send a signal to mpirun (not to its ranks)."""
        self.process.send_signal(number)

    def let_go_on(self, times: int) -> None:
        """Let inject.py's `held` go on for this time, counted from the start."""
        self.struck.write_bytes(bytes(times))

    def finish(self, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Wait for the end. Past `timeout` seconds all is ended, and the test fails with the output so far."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            pytest.fail(
                f"{' '.join(self.command)} did not end within {timeout:g} s.\n"
                f"-- stdout so far:\n{self.stdout}\n-- stderr so far:\n{self.stderr}"
            )
        return subprocess.CompletedProcess(self.command, self.process.returncode, self.stdout, self.stderr)

    def wait_for(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until the job has written `text` to either output."""
        deadline = time.monotonic() + timeout
        while text not in self.stdout + self.stderr:
            if self.process.poll() is not None or time.monotonic() > deadline:
                if text in self.stdout + self.stderr:  # written just before it ended
                    return
                pytest.fail(f"the job did not write {text!r}:\n{self.stdout}\n{self.stderr}")
            time.sleep(0.02)

    def rank_pids(self, timeout: float = PATIENCE) -> list[int]:
        """The process of each rank, in the order of ranks; waits until all have started."""
        deadline = time.monotonic() + timeout
        while True:
            ranks = {pid: _rank(variables) for pid, variables in self._processes().items()}
            pids = {  # no children of a rank, which have its variables, too
                rank: pid
                for pid, rank in ranks.items()
                if rank is not None and ranks.get(parent(pid)) != rank and _is_python(pid)
            }
            if len(pids) == self.size:
                return [pids[rank] for rank in range(self.size)]
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"found only the ranks {sorted(pids)} of {self.size}:\n{self.stdout}\n{self.stderr}")
            time.sleep(0.02)

    def end(self) -> None:
        """Kill every process of the job that is left, stopped ones and orphans too."""
        while left := self._processes():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.01)
        self.process.wait()

    def _processes(self) -> dict[int, dict[str, str]]:
        """The environment of each process of this job, known by the variable that the job was started with."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # ended, or another user's
                entries = path.read_text(errors="replace").split("\0")
                if f"{JOB_VARIABLE}={self.name}" in entries:
                    found[int(path.parent.name)] = dict(entry.split("=", 1) for entry in entries if "=" in entry)
        return found


def _rank(variables: Mapping[str, str]) -> int | None:
    """The rank of a process with this environment."""
    return next((int(variables[name]) for name in RANK_VARIABLES if name in variables), None)


def parent(pid: int) -> int:
    """The number of its parent process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_python(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("python")
    except OSError:
        return False
