"""What launchers say of a process before MPI has begun, or where it does not."""

from __future__ import annotations

import os

RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")
LOCAL_VARIABLES = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID")


def launched() -> bool:
    """Has a launcher started this process, perhaps as one of several? Local."""
    return any(name in os.environ for name in RANK_VARIABLES)


def launched_first() -> bool:
    """False in all but one of the processes that a launcher started, also where MPI does not connect them. Local."""
    return all(os.environ.get(name, "0") == "0" for name in RANK_VARIABLES)


def local_number() -> int | None:
    """The number of this process among those of its host, if the launcher says it. Local."""
    return next((int(os.environ[name]) for name in LOCAL_VARIABLES if os.environ.get(name, "").isdigit()), None)
