"""Whole jobs with --device: the same bits on one, two and three ranks, after another start, and resumed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from device_trainings import CASES, ITERATIONS, PROGRAM
from mpi_runner import mpirun

from distnn import train
from distnn.parallel.ranks import OneRank

DEVICE = os.environ.get("DISTNN_TEST_DEVICE", "xla-cpu")
HERE = tuple(CASES)[:1] if DEVICE == "xla-cpu" else tuple(CASES)  # all sums: test_terms.py
STARTS = 1 if DEVICE == "xla-cpu" else 2


@pytest.mark.job
def test_one_two_and_three_ranks_and_a_resumed_run(tmp_path: Path) -> None:
    for start in range(STARTS):
        done = mpirun(3, PROGRAM, tmp_path / str(start), DEVICE, *HERE)
        assert done.returncode == 0, done.stdout + done.stderr
    for case in HERE:
        paths = [tmp_path / str(start) / ranks / case for start in range(STARTS) for ranks in "123"]
        assert len({(path / "model.safetensors").read_bytes() for path in paths}) == 1, case
    begun = tmp_path / "0" / "begun"
    before = (begun / "model.safetensors").read_bytes()
    assert train.main(OneRank(), ["--resume", "--out", str(begun), "--max-iterations", str(ITERATIONS), "--quiet"]) == 0
    after = (begun / "model.safetensors").read_bytes()
    assert before != after == (tmp_path / "0" / "1" / HERE[0] / "model.safetensors").read_bytes()
