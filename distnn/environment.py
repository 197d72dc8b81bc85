"""What the bits of a result depend on besides the data: numpy, BLAS, its kernel and threads, the CPU's features.

The promise of the same bits for any number of ranks holds where these are the same on all of them.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from distnn.communicator import OneRank, mpi_library
from distnn.errors import UserError

# What may change the bits, and what to set where it differs.
ADVICE = {
    "numpy": "install the same numpy on all nodes",
    "blas": "install the same BLAS library on all nodes",
    "kernel": "set OPENBLAS_CORETYPE to one kernel that all nodes have, such as Haswell",
    "threads": "set --threads to the same number everywhere",
    "cpu_features": "set NPY_DISABLE_CPU_FEATURES so that all nodes use the same features",
    "block_rows": "this is a different data set, architecture or version of distnn",
}


def limit_threads(threads: int) -> None:
    """Let BLAS use this many threads in this process, whatever the environment says. Local."""
    threadpool_limits(threads, user_api="blas")


def record(block_rows: int) -> dict[str, Any]:
    """The record of this rank's environment. Local."""
    blas: dict[str, Any] = next((library for library in threadpool_info() if library["user_api"] == "blas"), {})
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    return {
        "numpy": np.__version__,
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
        "kernel": blas.get("architecture", "unknown"),
        "threads": blas.get("num_threads", 0),
        "cpu_features": " ".join(sorted(name for name, there in features.items() if there)),
        "block_rows": block_rows,
        "python": platform.python_version(),
        "mpi": mpi_library(),
    }


def differences(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """The names of what differs between two records and may change the bits."""
    return [name for name in ADVICE if here.get(name) != there.get(name)]


def describe(differing: list[str], here: dict[str, Any], there: dict[str, Any], who: str) -> str:
    """One sentence on what differs from `who`, and what to set."""
    name = differing[0]
    shown = f" ({here.get(name)} here, {there.get(name)} there)" if name != "cpu_features" else ""
    return (
        f"The result may not have the same bits as on other ranks or before: {', '.join(differing)} "
        f"differ{'s' if len(differing) == 1 else ''} from {who}{shown}; {ADVICE[name]}."
    )


def compare_ranks(mine: dict[str, Any], ranks: OneRank) -> str | None:
    """A sentence if the ranks' environments differ, else None. Collective, replicated."""
    for rank, other in enumerate(ranks.gather(mine)):
        if rank == 0:
            first = other
        elif found := differences(first, other):
            return describe(found, first, other, f"rank {rank}")
    return None


def slower_kernel(mine: dict[str, Any]) -> str | None:
    """A sentence if BLAS runs a slower kernel than this CPU has, else None. Local."""
    if "AVX512F" in mine["cpu_features"].split() and mine["kernel"] in ("Haswell", "Zen", "Sandybridge"):
        return (
            f"BLAS runs its {mine['kernel']} kernel on a CPU with AVX-512: "
            "unset OPENBLAS_CORETYPE, or set it to SkylakeX, for up to twice the speed."
        )
    return None


def require_threads(threads: int, mine: dict[str, Any]) -> None:
    """UserError if BLAS does not obey the limit."""
    if mine["threads"] not in (0, threads):
        raise UserError(
            f"BLAS uses {mine['threads']} threads although {threads} were asked for: set OMP_NUM_THREADS={threads}."
        )
