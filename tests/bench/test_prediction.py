"""The model of time on many ranks says what it says."""

from __future__ import annotations

from typing import Any

import pytest

from distnn.bench.prediction import Iteration, Network, fastest, message_bytes, powers, predict
from distnn.bench.prediction import measure as measure_network
from distnn.network.weights import shapes
from distnn.parallel.mpi import MESSAGE
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum


def test_time_of_allreduce() -> None:
    slow = Network(alpha=1.0, beta=0.1)
    assert slow.allreduce(1, 100) == 0
    assert slow.allreduce(2, 0) == 1
    assert slow.allreduce(5, 1) == pytest.approx(3 * (1 + 0.1))  # short: recursive doubling
    assert slow.allreduce(4, 1000) == pytest.approx(4 + 2 * 3 / 4 * 100)  # long: reduce-scatter and allgather
    for many, more in ((2, 0), (2, 1000), (1, 8)):
        expected = many * slow.allreduce(4, 8 * MESSAGE) + (slow.allreduce(4, more) if more else 0)
        assert slow.allreduce(4, many * 8 * MESSAGE + more) == pytest.approx(expected)


def test_prediction() -> None:
    iteration = Iteration(blocks=10, block=1.0, outside=0.5, messages=(0, 0))
    free = Network(0.0, 0.0)
    assert [iteration.strong(P, free) for P in (1, 2, 3, 10, 20)] == [10.5, 5.5, 4.5, 1.5, 1.5]
    assert {iteration.weak(P, free) for P in (1, 2, 1000)} == {10.5}
    one, three = predict(iteration, Network(0.25, 0.0), [1, 3])
    assert (one.strong_seconds, one.strong_efficiency, one.weak_efficiency) == (10.5, 1, 1)
    assert three.strong_seconds == 4 + 0.5 + 2 * 2 * 0.25
    assert three.strong_efficiency == pytest.approx(10.5 / (3 * 5.5))
    assert (three.weak_seconds, three.weak_efficiency) == (11.5, pytest.approx(10.5 / 11.5))
    assert fastest(iteration, free, 1, 4096) == 10  # each rank has a block
    assert fastest(iteration, Network(0.25, 0.0), 1, 4096) in (4, 5, 8, 10)
    assert fastest(iteration, Network(100.0, 0.0), 1, 4096) == 1
    assert powers(1, 10) == [1, 2, 4, 8, 10]
    assert powers(3, 3) == [3]


def test_sizes_of_messages_are_those_that_are_sent() -> None:
    sums = ExactSum(OneRank(), shapes((3, 4, 2)), 1, 1, tail=True)
    sums.guess.begin(1)
    assert message_bytes((3, 4, 2)) == (sums.message.nbytes, sums.sum.nbytes)


@pytest.mark.mpi(min_size=2)
def test_alpha_and_beta_are_measured(ranks: Any) -> None:
    found = measure_network(ranks, repeats=5)
    assert found.alpha > 0
    assert found.beta >= 0
    assert ranks.gather(found) == [found] * ranks.size
