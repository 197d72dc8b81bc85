"""A Slurm of three virtual nodes with four cores each, on this machine, for the time of some tests.

munged, slurmctld and three slurmd run as whoever runs the tests, with all their files in one folder: no systemd, no
control groups, no accounting, and no other Slurm on the machine is touched.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from availability import unavailable
from mpi_runner import environment, parent
from patience import PATIENCE

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "scontrol", "scancel", "squeue", "sinfo")
NODES = ("n1", "n2", "n3")

CONFIGURATION = """\
ClusterName=distnn
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
TmpFS={folder}/tmp.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
FirstJobId={job}
ReturnToService=2
JobRequeue=1
KillWait=30
SlurmdTimeout=600
SlurmctldTimeout=600
MessageTimeout=100
TCPTimeout=30
BatchStartTimeout=300
InactiveLimit=0
MinJobAge=3600
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName=n[1-3] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=4 RealMemory=2000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=300
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""


class Cluster:
    """The running Slurm: its commands, and its daemons."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.dead: dict[str, list[int]] = {}  # processes of dead nodes
        host = socket.gethostname().partition(".")[0]
        port = _free_ports(5)
        self.environment = environment({"SLURM_CONF": str(folder / "slurm.conf")})
        self.environment["PATH"] += f"{os.pathsep}/usr/sbin{os.pathsep}/sbin"
        job = random.randrange(1, 10**7)  # a job of an earlier cluster with the same number may have left files
        for name in ("state", *(f"{kind}.{node}" for kind in ("spool", "tmp") for node in NODES)):
            (folder / name).mkdir()
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(host=host, port=port, first=port + 1, last=port + 3, user=user, folder=folder, job=job)
        )
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)

    def start(self) -> None:
        munge = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in munge.items()]
        self._start("munged", "--foreground", "--force", *options)
        _wait_until(lambda: (self.folder / "munge.sock").exists(), "munged does not open its socket", self.logs)
        self._start("slurmctld", "-D", "-i")
        for node in NODES:
            self.start_node(node)
        _wait_until(lambda: self.states() == ["idle"] * len(NODES), "the nodes do not become idle", self.logs)

    def start_node(self, node: str) -> None:
        self._start(f"slurmd.{node}", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """Let a node die as far as the others can tell: all on it stops, and no connection is closed.

        The controller would find out after SlurmdTimeout. It is told, so that no node that is slow is taken for dead.
        """
        dead = [self.daemons.pop(f"slurmd.{node}").pid]
        for pid in self.job_processes(node):
            dead += [pid, parent(pid)]  # a task; the slurmstepd that started it, or another task
        self.dead[node] = sorted(set(dead) - {0})
        for pid in self.dead[node]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=dead")

    def bury_node(self, node: str) -> None:
        """Remove what is left of a dead node, which on this one machine could be in the others' way."""
        for pid in self.dead.pop(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End all jobs, then the daemons, then whatever was started by them."""
        if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["scancel", "--user", str(os.getuid())], env=self.environment, timeout=PATIENCE, check=False
                )
                deadline = time.monotonic() + PATIENCE
                while self.command("squeue", "-h") and time.monotonic() < deadline:
                    time.sleep(0.1)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(60)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        while left := self.processes():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def command(self, *arguments: str, check: bool = True, cwd: Path | None = None) -> str:
        """Run one of Slurm's commands; its output. A failure fails the test."""
        done = subprocess.run(
            arguments, env=self.environment, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(arguments)} ended with exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def states(self) -> list[str]:
        """The state of each node, as sinfo calls it."""
        return self.command("sinfo", "-h", "-N", "-p", "debug", "-o", "%t", check=False).split()

    def job(self, number: str) -> dict[str, str]:
        """What the controller knows of a job: JobState, Restarts, ExitCode, Reason, NodeList, ..."""
        text = self.command("scontrol", "show", "job", "-o", number)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def logs(self) -> str:
        return "\n".join(
            f"-- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in self.folder.glob("*.log")
        )

    def doing(self) -> str:
        """A line for each process of the cluster: its command, its state and where in the kernel it waits."""
        lines = ["-- processes"]
        for pid in self.processes():
            with contextlib.suppress(OSError):
                folder = Path(f"/proc/{pid}")
                command = (folder / "cmdline").read_text().replace("\0", " ")[:120]
                state = (folder / "stat").read_text().rpartition(") ")[2].split()
                lines.append(f"{pid} {state[0]} in {(folder / 'wchan').read_text()}, {state[11]} ticks: {command}")
        return "\n".join(lines)

    def processes(self) -> list[int]:
        """Every process that belongs to this cluster, known by its environment."""
        return [pid for pid, entries in _environments() if f"SLURM_CONF={self.folder}/slurm.conf" in entries]

    def job_processes(self, node: str) -> list[int]:
        """The processes of jobs on one node."""
        return [
            pid
            for pid, entries in _environments()
            if f"SLURM_CONF={self.folder}/slurm.conf" in entries and f"SLURMD_NODENAME={node}" in entries
        ]

    def _start(self, name: str, *options: str) -> None:
        with open(self.folder / f"{name}.output", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [name.partition(".")[0], *options],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    """A fresh Slurm for the tests of one file."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if missing:
        unavailable(
            "batch jobs need a Slurm to be tested",
            f"no {', '.join(missing)} (apt-get install slurmctld slurmd slurm-client munge libpmix2)",
        )
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short, for the name of a socket
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environments() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield int(path.parent.name), path.read_text(errors="replace").split("\0")


def _free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on. Each process looks from another place on: a second
    cluster may be about to start."""
    firsts = range(26800, 32000, 10)
    for k in range(len(firsts)):
        first = firsts[(os.getpid() + k) % len(firsts)]
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise OSError("no free ports")


def _wait_until(condition: object, complaint: str, logs: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            pytest.fail(f"{complaint}:\n{logs()}")  # type: ignore[operator]
        time.sleep(0.05)
