"""What people use today, each in processes of its own. To add one: a module here with `main`, and its entry in PEERS.

A peer's module is run as `python -m distnn.bench.peers.NAME` with a `Task` as JSON; it computes the same iterations:
mean squared error over all rows, its gradient, a step of gradient descent, and the error known as a number.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from distnn.bench.contender import Contender
from distnn.bench.workloads import Workload

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NPROC": "1",  # as many threads has XLA
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
}


ON_GPU = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # beside distnn, on the same one


@dataclass(frozen=True)
class Peer(Contender):
    """A package to compare with. module: here, that runs it, in one of its variants.

    parallel: it runs on as many processes as there are ranks; otherwise on one. alone: also where there is one rank.
    gpu: on a GPU, too. beside: only beside distnn on a device, in blocks of the same length.
    """

    module: str = field(kw_only=True)
    parallel: bool = field(default=False, kw_only=True)
    alone: bool = field(default=True, kw_only=True)
    variant: str = field(default="", kw_only=True)
    gpu: bool = field(default=False, kw_only=True)
    beside: bool = field(default=False, kw_only=True)

    def left_out(self, ranks: int, device: str | None) -> str | None:
        """Why it is not measured on so many ranks, beside distnn on this device; "" for what goes without saying."""
        if (self.beside and device is None) or (ranks == 1 and not self.alone):
            return ""
        if device == "gpu" and not self.gpu:
            return "it is for CPUs: leave out --device gpu"
        return None if self.installed else f"{self.package} is not installed (pip install 'distnn[peers]')"


PEERS = (
    Peer("PyTorch DDP (gloo)", "torch", module="pytorch", parallel=True, variant="whole", gpu=True),
    Peer("PyTorch DDP, hand-blocked", "torch", module="pytorch", parallel=True, variant="blocked"),
    Peer("PyTorch DDP, hand-blocked and compiled", "torch", module="pytorch", parallel=True, variant="compiled"),
    Peer("JAX over gloo, hand-blocked", "jax", module="xla", parallel=True, alone=False, variant="blocked"),
    Peer("JAX, jitted", "jax", module="xla", variant="whole", gpu=True),
    Peer("JAX, jitted and hand-blocked", "jax", module="xla", variant="blocked"),
    Peer("JAX, jitted, in the same blocks", "jax", module="xla", variant="same", gpu=True, beside=True),
    Peer("scikit-learn", "sklearn", module="scikit_learn"),
)


@dataclass(frozen=True)
class Task:
    """What one process of a peer is to do. device: "gpu", or else the CPU. rows: of distnn's blocks there."""

    workload: Workload
    rank: int
    size: int
    port: int
    variant: str
    cores: tuple[int, ...]
    device: str | None = None
    rows: int = 0


class Processes:
    """A peer at work: a stepper for `timing.take_turns`. Local to rank 0.

    cores: those that the job may use. device: "gpu", or else the CPU. RuntimeError, with the last line that a
    process printed, when one fails.
    """

    def __init__(self, peer: Peer, workload: Workload, size: int, cores: Sequence[int], device: str | None = None):
        size = size if peer.parallel else 1
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.errors = [tempfile.TemporaryFile("w+") for _ in range(size)]  # noqa: SIM115  # closed with the process
        self.processes = []
        launchers = ("PMI", "OMPI_", "PMIX", "HYDRA", "MPI")
        own = {name: value for name, value in os.environ.items() if not name.startswith(launchers)}
        for rank in range(size):
            rows = workload.cut(device).rows
            task = json.dumps(asdict(Task(workload, rank, size, port, peer.variant, tuple(cores), device, rows)))
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"distnn.bench.peers.{peer.module}", task],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self.errors[rank],
                    text=True,
                    env={**own, **(ON_GPU if device == "gpu" else ONE_THREAD)},
                )
            )
        self.peak_bytes = 0
        self._answers()

    def seconds(self, iterations: int) -> float:
        """Seconds an iteration, over so many: those of the slowest process."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{iterations}\n")
            process.stdin.flush()
        return max(answer["seconds"] for answer in self._answers()) / iterations

    def _answers(self) -> list[dict[str, Any]]:
        answers = []
        for process, errors in zip(self.processes, self.errors, strict=True):
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                text = errors.read().strip().splitlines()
                self.close()
                raise RuntimeError(text[-1] if text else "it ended without a word")
            answers.append(json.loads(line))
        self.peak_bytes = sum(answer["peak_bytes"] for answer in answers)
        return answers

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()
        for process, errors in zip(self.processes, self.errors, strict=True):
            process.communicate()
            errors.close()
