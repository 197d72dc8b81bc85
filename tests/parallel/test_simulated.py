"""Simulated ranks show what depends on the order, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from unittest.mock import MagicMock

import numpy as np
import pytest
from sums import bits, one_rank, term_of
from threaded_ranks import on_ranks

from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum, PlainSum, Sum
from distnn.parallel.simulated import SimulatedRanks

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


@pytest.mark.parametrize(("P", "size", "times"), [*((P, size, 4) for P in (1, 3) for size in (1, 2, 17)), (3, 300, 2)])
def test_simulated_ranks_show_what_depends_on_the_order(P: int, size: int, times: int) -> None:
    rows = np.random.default_rng(5).normal(size=(60, 4))

    def sums(kind: type[Sum]) -> Callable[[Ranks], list[bytes]]:
        def work(ranks: Ranks) -> list[bytes]:
            own = rows[ranks.rank :: ranks.size]
            sums = kind(SimulatedRanks(ranks, size), [3, 1], len(own), len(rows))
            return [bits(sums(term_of(own))) for _ in range(times)]

        return work

    exact, plain = (on_ranks(P, sums(kind)) for kind in (ExactSum, PlainSum))
    assert {found for rank in exact for found in rank} == {bits(one_rank(rows, [3, 1]))}
    assert len({found for rank in plain for found in rank}) > 1  # so the simulation would have noticed


@pytest.mark.parametrize("name", ["agree", *sorted(Ranks.__abstractmethods__ - {"split"})])
def test_what_is_said_outside_of_sums_is_said_by_the_real_ranks(name: str) -> None:
    real = MagicMock(rank=2, size=5, elastic=False)
    ranks = SimulatedRanks(real, 50)
    arguments = [MagicMock() for _ in inspect.signature(getattr(ranks, name)).parameters]
    found = getattr(ranks, name)(*arguments)
    getattr(real, name).assert_called_once_with(*arguments)
    assert found is None or found is getattr(real, name).return_value
    assert (ranks.rank, ranks.size) == (2, 5)


def test_a_group_of_ranks_simulates_its_share() -> None:
    real = MagicMock(rank=2, size=5, elastic=False)
    real.split.return_value = MagicMock(rank=1, size=3, elastic=False)
    group = SimulatedRanks(real, 50).split(7)
    real.split.assert_called_once_with(7)
    assert isinstance(group, SimulatedRanks)
    assert (group.rank, group.size, group.simulated) == (1, 3, 30)
