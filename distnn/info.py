"""`distnn info`: what is installed and what it runs on, as a report of a fault should say."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

from distnn import __version__
from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.errors import UserError
from distnn.kernels import cpu, library
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.words import many

PROGRAM = "distnn info"
ABOUT = """Say which distnn this is, what it was installed with and what it runs on, for a report of a fault.

Under mpirun it says so of rank 0, and on how many ranks it runs.

Examples:
distnn info
distnn info --json"""

VARIABLES = ("DISTNN_", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NPY_DISABLE_CPU_FEATURES")  # as their names begin


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """Options of the command."""

    json: Annotated[bool, "Output", "Print JSON for a program instead of a table."] = False


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Print what is known of rank 0. Collective. Returns the exit code."""
    on_root(ranks, lambda: _print(parse(InfoOptions, PROGRAM, ABOUT, arguments), ranks.size))
    return 0


def _print(options: InfoOptions | None, size: int) -> None:
    if options is None:
        return
    found = describe(size)
    if options.json:
        print(json.dumps(found))
        return
    from distnn.command_line.console import pairs

    pairs(list(found.items()))


def describe(size: int) -> dict[str, str]:
    """What is installed and what this process runs on, by name. size: the number of ranks. Local."""
    here, packages = environment.machine(), optional()
    return {
        "distnn": f"{__version__} in {Path(__file__).parent}",
        "Python": f"{here['python']} {platform.python_implementation()}, {sys.executable}",
        "numpy": here["numpy"],
        "BLAS": f"{here['blas']}, kernel {here['kernel']}, {many(here['threads'], 'thread')}",
        "compiled code": _compiled(),
        "MPI": f"{_library(here['mpi'])}, {many(size, 'rank')}",
        "mpi4py": _installed("mpi4py") or "not installed",
        "CPU": cpu.name(),
        "cores": f"{len(cpu.cores())} of {os.cpu_count()}",
        "CPU features": here["cpu_features"],
        "system": platform.platform(),
        "packages": ", ".join(name for name, there in packages.items() if there) or "none that are optional",
        "not installed": ", ".join(name for name, there in packages.items() if not there) or "none",
        "variables": ", ".join(f"{name}={os.environ[name]}" for name in sorted(os.environ) if _matters(name)) or "none",
    }


def optional() -> dict[str, bool]:
    """The optional packages, with their versions where they are installed, and whether they are. Local."""
    try:
        requirements = metadata.requires("distnn") or []
    except metadata.PackageNotFoundError:  # distnn runs from a folder
        requirements = []
    of_extras = [line for line in requirements if "extra ==" in line and not line.startswith("distnn")]
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in of_extras})
    return {f"{name} {version}" if (version := _installed(name)) else name: bool(version) for name in names}


def _installed(package: str) -> str | None:
    """The version of a package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _compiled() -> str:
    """Whether there is compiled code, for which instructions, by which compiler; or why it is not used."""
    try:
        used = library.instructions()
    except UserError as error:
        return f"none: {error}"
    return f"{used}, by {library.compiler()}" if used else f"none: {library.why_not()}"


def _library(words: str) -> str:
    """The name of the MPI library out of the words for it."""
    return " ".join(words.removeprefix("the MPI library in use (").removesuffix(")").split())


def _matters(variable: str) -> bool:
    return variable.startswith(VARIABLES)


if __name__ == "__main__":
    run(main)
