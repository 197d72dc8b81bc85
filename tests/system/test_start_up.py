"""What a command imports: thousands of ranks wait for that, and whoever asks for help."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mpi_runner import python

NUMPY_AND_ITS_LIKE = {"numpy", "safetensors", "threadpoolctl"}
OF_THE_INSTALLATION = {"certifi", "coverage", "org", "sitecustomize"}  # org: pickle's, for another Python


def imported(*command: object) -> set[str]:
    """All modules that a command of Python imports."""
    done = python("-X", "importtime", *command)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.split("|")[-1].strip() for line in lines[1:]}


def others(modules: set[str]) -> set[str]:
    """The libraries, of all that is imported, that are neither Python's own nor distnn."""
    found = {name.partition(".")[0] for name in modules}
    found = {name for name in found if not name.startswith(("_", "tracer"))}
    return found - sys.stdlib_module_names - OF_THE_INSTALLATION - {"distnn"}


@pytest.mark.job
def test_help_imports_no_more_than_the_options_need() -> None:
    modules = imported("-m", "distnn.train", "--help")
    assert others(modules) == NUMPY_AND_ITS_LIKE
    assert len([name for name in modules if name.startswith("distnn.")]) <= 210


@pytest.mark.job
def test_a_training_imports_what_it_uses(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,kind\n1,oak\n2,fir\n,fir\n4,oak\n")
    command = ("-m", "distnn.train", "--data", tmp_path / "a.csv", "--max-iterations", "2", "--hidden", "2")
    modules = imported(*command, "--impute", "mean", "--quiet", "--out", tmp_path / "run")
    used = {"mpi4py", "cloudpickle", "cyclopts", "attr", "attrs", "tomli_w", "pyarrow"}
    assert others(modules) - used == NUMPY_AND_ITS_LIKE
    assert not modules & {"pyarrow.compute", "numpy.ma"}, "both take long"
    assert len(modules) < 700
