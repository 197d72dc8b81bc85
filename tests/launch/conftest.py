"""Fixtures of tests of launch/: checkouts of a tiny distnn, a Slurm and what submits to it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from checkout import LAUNCH
from mpi_runner import find_mpirun
from slurm_jobs import slurm, submit  # noqa: F401
from tiny_checkout import PROJECT, TRAINER


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a tiny distnn, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    shutil.copytree(LAUNCH, folder / "launch")
    (folder / "distnn").mkdir()
    (folder / "distnn/__init__.py").touch()
    (folder / "distnn/train.py").write_text(TRAINER)
    (folder / "pyproject.toml").write_text(PROJECT)
    return folder


@pytest.fixture
def ready(checkout: Path) -> Path:
    """The tiny checkout with an environment, which is this one in disguise."""
    programs = checkout / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nPYTHONPATH="{checkout}" exec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    (programs / "mpirun").write_text(f'#!/bin/sh\nexec "{find_mpirun()}" "$@"\n')
    (programs / "mpirun").chmod(0o755)
    (checkout / ".venv/distnn-environment").write_text(f"{checkout}\nMPI automatic\nextras \n{PROJECT}")
    return checkout
