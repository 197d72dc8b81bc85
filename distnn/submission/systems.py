"""What batch systems call what a job asks for. To add one: a script beside this file, and an entry in SYSTEMS."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from distnn.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Request:
    """What a job asks for. tasks: ranks, one a core; nodes: on how many, None for wherever they fit; seconds: of time.

    array: first and last seed of an array of jobs. environment: of Grid Engine, the parallel one.
    """

    tasks: int
    seconds: int
    nodes: int | None = None
    account: str | None = None
    queue: str | None = None
    array: str | None = None
    environment: str = "mpi"

    @property
    def per_node(self) -> int:
        """Ranks a node. UserError where nodes do not all get as many."""
        assert self.nodes is not None
        if self.tasks % self.nodes:
            raise UserError(f"--tasks {self.tasks} do not go evenly on --nodes {self.nodes}: give a multiple of it.")
        return self.tasks // self.nodes


def slurm(request: Request) -> list[str]:
    nodes = f"--nodes={request.nodes} --ntasks-per-node={request.per_node} " if request.nodes else ""
    lines = [f"{nodes}--ntasks={request.tasks} --time={clock(request.seconds)}"]
    return lines + _given(request, account="--account={}", queue="--partition={}", array="--array={}")


def pbs(request: Request) -> list[str]:
    chunks, per_chunk = (request.nodes, request.per_node) if request.nodes else (request.tasks, 1)
    select = f"select={chunks}:ncpus={per_chunk}:mpiprocs={per_chunk}"
    lines = [f"-l {select} -l walltime={clock(request.seconds)}"]
    return lines + _given(request, account="-A {}", queue="-q {}", array="-J {}")


def lsf(request: Request) -> list[str]:
    hours, minutes = divmod(-(-request.seconds // 60), 60)
    lines = [f"-n {request.tasks} -W {hours}:{minutes:02d}"]
    lines += [f'-R "span[ptile={request.per_node}]"'] if request.nodes else []
    return lines + _given(request, account="-P {}", queue="-q {}", array="-J distnn[{}]")


def flux(request: Request) -> list[str]:
    if request.array:
        raise UserError("--array: Flux has no arrays of jobs. Submit one for each --seed, with an --out of its own.")
    whole = next(unit for unit in ("h", "m", "s") if request.seconds % UNITS[unit] == 0)
    nodes = f"-N {request.nodes} " if request.nodes else ""
    lines = [f"{nodes}-n {request.tasks} -t {request.seconds // UNITS[whole]}{whole}"]
    return lines + _given(request, account="--bank={}", queue="--queue={}")


def sge(request: Request) -> list[str]:
    if request.nodes:
        raise UserError("--nodes: in Grid Engine the parallel environment says how ranks go on nodes; leave it out.")
    lines = [f"-pe {request.environment} {request.tasks} -l h_rt={clock(request.seconds)}"]
    return lines + _given(request, account="-P {}", queue="-q {}", array="-t {}")


class System(NamedTuple):
    """A batch system: what it is called, its script, how a directive begins, what submits a script, and its request.

    here: is this machine one of its own? reads: does what submits read the script on stdin?
    """

    title: str
    script: str
    directive: str
    command: tuple[str, ...]
    lines: Callable[[Request], list[str]]
    here: Callable[[], bool]
    reads: bool = False


def _has(*commands: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(command) for command in commands)


# In this order it is looked whether they are here: Flux may run inside of others, and has a command like theirs.
SYSTEMS = {
    "flux": System("Flux", "flux.sh", "#flux:", ("flux", "batch"), flux, lambda: "FLUX_URI" in os.environ),
    "slurm": System("Slurm", "slurm.sbatch", "#SBATCH", ("sbatch",), slurm, _has("sbatch")),
    "lsf": System("LSF", "lsf.sh", "#BSUB", ("bsub",), lsf, _has("bsub"), reads=True),
    "sge": System("Grid Engine", "sge.sh", "#$", ("qsub",), sge, _has("qsub", "qconf")),
    "pbs": System("PBS", "pbs.sh", "#PBS", ("qsub",), pbs, _has("qsub")),
}


def find() -> str | None:
    """The name of the batch system that this machine has; None if it has none. Local."""
    return next((name for name, system in SYSTEMS.items() if system.here()), None)


def clock(seconds: int) -> str:
    """Hours, minutes and seconds, as 04:00:00."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def duration(text: str) -> int:
    """The seconds of a time such as 4:00:00, 2-12:00:00, 4h or 90m. UserError for what is none."""
    if found := re.fullmatch(r"(?:(\d{1,4})-)?(\d{1,5}):(\d{1,2})(?::(\d{1,2}))", text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    elif found := re.fullmatch(r"(\d{1,7}(?:\.\d+)?)([smhd])", text):
        total = round(float(found[1]) * UNITS[found[2]])
    else:
        total = 0
    if total < 1:
        raise UserError(f"--time {text}: give hours, minutes and seconds, such as 4:00:00, or 4h, 90m, 2d.")
    return total


def _given(request: Request, **written: str) -> list[str]:
    """A line for each of these that is asked for, as the system writes it. UserError for what is not one word."""
    values = {name: getattr(request, name) for name in written}
    for name, value in values.items():
        if value is not None and not re.fullmatch(r"\S+", value):
            raise UserError(f"--{name} {value!r}: give one word, without spaces.")
    return [written[name].format(value) for name, value in values.items() if value is not None]


def require_seeds(array: str | None) -> None:
    """UserError if that is not the first and the last seed of an array."""
    found = re.fullmatch(r"(\d{1,6})-(\d{1,6})", array or "1-1")
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError(f"--array {array}: give the first and the last seed, such as 1-8.")
