"""Ranks that share a thread, and what they are where that cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest
from simgrid_library import need_simgrid

from distnn.bench.scaling.states import States
from distnn.bench.scaling.trial import Trial, sha256, train
from distnn.parallel.ranks import OneRank

D, N = (2, 4, 1), 12_000
TRIAL = Trial(6, N, D, "fat-tree", "rdb", latency=1e-5, bandwidth=1e9, row=1e-6, outside=1e-4)


@pytest.mark.job
def test_ranks_can_be_threads() -> None:
    """Where it is not known in which place Python keeps the state of a thread."""
    need_simgrid()
    program = "from distnn.bench.scaling import states, trial; states.KEYS = 0; assert states.States().key is None; "
    program += f"print(trial.carry_out(trial.{TRIAL}).sha256)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [sha256(train(D, N, TRIAL.iterations, OneRank()))]


@pytest.mark.skipif(States().key is None, reason="NOT TESTED HERE: Python keeps the states of threads elsewhere")
def test_a_state_that_is_forgotten_is_there_again() -> None:
    states = States()
    with states.forgotten():
        assert States().key != states.key
    assert States().key == states.key
