"""Every operation on a file of every command fails, or is the last one before SIGKILL: all files are whole, the old
ones or the new ones, and the next start goes on.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import pytest
from interrupted_commands import FAULTS, TRAININGS, hurry, interrupted_predict, interrupted_training
from measuring import VARIABLE

pytestmark = pytest.mark.job


@pytest.fixture(scope="module")
def small_process() -> Iterator[Executor]:
    """A process that has imported little, so that it is forked in no time. Coverage does not measure it: its children
    would take much longer, and end before they write what they reached."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), hurry) as executor:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(VARIABLE, raising=False)
            executor.submit(os.getpid).result()  # starts it
        yield executor


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", TRAININGS)
def test_training(name: str, fault: str, small_process: Executor, tmp_path: Path) -> None:
    assert small_process.submit(interrupted_training, name, fault, tmp_path).result() > 30


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ending", [".csv", ".npy"])
def test_predict(ending: str, fault: str, small_process: Executor, tmp_path: Path) -> None:
    assert small_process.submit(interrupted_predict, ending, fault, tmp_path).result() > 3
