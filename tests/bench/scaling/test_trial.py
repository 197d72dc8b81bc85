"""A training on simulated ranks: the bits of one rank, and times that follow from the network that was described."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simgrid_library import need_simgrid

from distnn.bench.prediction import message_bytes
from distnn.bench.scaling.__main__ import simulated
from distnn.bench.scaling.trial import Outcome, Pace, Trial, measured, sha256, train
from distnn.errors import RankError
from distnn.kernels.blocks import cut
from distnn.parallel.ranks import OneRank

D, N = (2, 4, 1), 12_000
TRIAL = Trial(6, N, D, "fat-tree", "rdb", latency=1e-5, bandwidth=1e9, row=1e-6, outside=1e-4)


def test_pace_and_shares() -> None:
    assert Pace(row=2.0, outside=1.0).iteration(3) == 7
    assert Outcome("", 0, iteration=4.0, computing=3.0, wall=0).communication == 0.25


def test_measured_times_are_times() -> None:
    pace = measured(D, N, iterations=3)
    assert pace.outside > 0 and pace.iteration(N) > 0


@pytest.mark.job
def test_simulated_ranks_have_the_bits_of_one() -> None:
    need_simgrid()
    expected = sha256(train(D, N, TRIAL.iterations, OneRank()))
    for trial in (TRIAL, replace(TRIAL, ranks=17, network="dragonfly", allreduce="redbcast")):
        outcome = simulated(trial)
        assert outcome.sha256 == expected
        assert outcome.start > outcome.iteration > outcome.computing >= 1e-4
    assert outcome.computing == pytest.approx(1e-4 + 1e-6 * cut(N, D[:-1], "float64").rows), "a block"


@pytest.mark.job
def test_messages_take_what_the_network_takes() -> None:
    """Two ranks exchange two messages: a latency for each link between, and each byte its time."""
    need_simgrid()
    two = replace(TRIAL, ranks=2)
    waiting = []
    for trial in (two, replace(two, latency=3e-5), replace(two, bandwidth=1e7)):
        outcome = simulated(trial)
        waiting.append(outcome.iteration - outcome.computing)
    links = (waiting[1] - waiting[0]) / 2e-5
    assert links == pytest.approx(2 * 2, rel=1e-3), "to a switch and from it, twice"
    counted = (waiting[2] - waiting[0]) / (1e-7 - 1e-9)  # bytes
    own = sum(message_bytes(D))
    assert own <= counted <= own + 2 * 32, "SimGrid adds some to each message"


@pytest.mark.job
def test_a_trial_that_fails_says_why() -> None:
    need_simgrid()
    with pytest.raises(RankError, match=r"Trial\(ranks=2.* failed:[^$]*fit: |no algorithm"):
        simulated(replace(TRIAL, ranks=2, allreduce="nonsense"))
