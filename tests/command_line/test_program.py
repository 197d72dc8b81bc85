"""Flags and TOML files: flags win, what is printed reads back, and every mistake is one sentence with exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mpi_runner import python


@pytest.mark.job
def test_the_exit_code_is_2_and_the_sentence_is_on_stderr(tmp_path: Path) -> None:
    done = python("-m", "distnn.train", "--thetaa", "tanh", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("distnn: Unknown option: --thetaa. Did you mean --theta?")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []
