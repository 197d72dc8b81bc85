"""`distnn submit`: a training as a job of a batch system, which goes on by itself when its time is up."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from glob import glob
from os.path import exists
from pathlib import Path
from typing import Annotated, Literal

from distnn.command_line.arguments import read
from distnn.command_line.program import run
from distnn.data.tables.hdf import split_path
from distnn.declared import AtLeast, declared
from distnn.errors import BAD_USE, DONE, UserError
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.options import Options, check
from distnn.storage.overwriting import encoded, make_way, write
from distnn.submission.script import is_script_of, script, to_flags
from distnn.submission.systems import SYSTEMS, Request, duration, find, require_seeds

PROGRAM = "distnn submit"
ABOUT = """Submit a training to a batch system: the options of the training, and what the job asks for.

Before its time is up the job writes a checkpoint, goes back into the queue, and goes on from there. --dry-run prints
the script; without it the script is written beside --out and submitted.

Examples:
distnn submit table.csv --targets lift --out runs/lift --tasks 64 --time 4h --dry-run
distnn submit table.csv --out runs/lift --nodes 4 --tasks 64 --account aero --modules gcc openmpi
distnn submit table.csv --out runs/lift --array 1-8"""

JOB = "Job"


@dataclass(frozen=True, kw_only=True)
class SubmitOptions(Options):
    """Options of a training, and those of the job."""

    system: Annotated[
        Literal["slurm", "pbs", "lsf", "flux", "sge"] | None, JOB, "The batch system. Default: the one that is here."
    ] = None
    tasks: Annotated[int, JOB, "Processes in all, one a core.", AtLeast(1)] = 64
    nodes: Annotated[int | None, JOB, "Nodes to put them on, evenly. Default: wherever they fit.", AtLeast(1)] = None
    time: Annotated[str, JOB, "Time limit of the job: 4:00:00, 4h, 90m, 2d."] = "4h"
    account: Annotated[str | None, JOB, "Account, project or bank to charge."] = None
    queue: Annotated[str | None, JOB, "Queue or partition."] = None
    modules: Annotated[tuple[str, ...], JOB, "Modules to load first."] = ()
    array: Annotated[str | None, JOB, "An array of jobs, one for each --seed from first to last, such as 1-8."] = None
    parallel_environment: Annotated[str, JOB, "Grid Engine's parallel environment for MPI, of qconf -spl."] = "mpi"


OWN = {field.name for field in fields(SubmitOptions)} - {field.name for field in fields(Options)}


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Submit as the arguments say. Collective; rank 0 does it. Returns the exit code."""
    return on_root(ranks, lambda: _submit(arguments))


def _submit(arguments: Sequence[str]) -> int:
    given = read(SubmitOptions, PROGRAM, ABOUT, arguments)
    if given is None:
        return DONE
    options = SubmitOptions(**given)
    name = options.system or find()
    if name is None:
        raise UserError(f"There is no batch system here: name one by --system, of {', '.join(sorted(SYSTEMS))}.")
    text = made(name, options, to_flags(declared(Options), {n: v for n, v in given.items() if n not in LEFT_OUT}))
    if options.dry_run:
        print(text, end="")
        return DONE
    file = Path(f"{str(options.out).rstrip('/')}.{name}.sh")
    make_way([file], False, partial(is_script_of, out=str(options.out)), f"script of the run {options.out}")
    return submit(name, text, file)


LEFT_OUT = ("out", "dry_run", "overwrite")  # of the training's options: those that the script itself gives


def made(name: str, options: SubmitOptions, flags: Sequence[str]) -> str:
    """The script for the batch system of this name. UserError for what makes no sense, before it waits in a queue."""
    check(options)
    if not options.out:
        raise UserError("--out is missing: the directory of the run, in which a job that comes again goes on.")
    if options.resume or options.overwrite:
        raise UserError(
            "--resume and --overwrite are left out here: the job itself sees whether there is a checkpoint."
        )
    if options.data is not None and not _is_there(options.data):
        raise UserError(f"{options.data} is no file here: a job reads its table from one.")
    require_seeds(options.array)
    if options.array and options.seed:
        raise UserError(f"--seed {options.seed}: --array gives each job a seed of its own: leave one of the two out.")
    request = Request(
        options.tasks,
        duration(options.time),
        options.nodes,
        options.account,
        options.queue,
        options.array,
        options.parallel_environment,
    )
    return script(SYSTEMS[name], request, options.out, flags, options.modules)


def submit(name: str, text: str, file: Path) -> int:
    """Write the script, and hand it to the batch system, whose answer is printed. Returns its exit code, or BAD_USE."""
    write(file, text, "The script")
    system = SYSTEMS[name]
    command = system.command if system.reads else (*system.command, str(file))
    try:
        done = subprocess.run(command, input=encoded(text) if system.reads else None, check=False)
    except OSError as error:
        raise UserError(f"{shlex.join(command)} cannot be started: {error.strerror}. The script is {file}.") from None
    return BAD_USE if done.returncode else DONE


def _is_there(data: str) -> bool:
    """Is there a file or a folder of this name, or one that is like a pattern? None is stdin."""
    path, _ = split_path(data)
    return exists(path) or bool(glob(path))


if __name__ == "__main__":
    run(main)
