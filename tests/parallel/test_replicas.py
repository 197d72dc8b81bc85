"""The check that all ranks hold the same state: silent while they do; the odd rank is named when a bit flips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tables import assembled, regression
from threaded_ranks import outcomes

from distnn.errors import RankError
from distnn.optimizers import OPTIMIZERS, State
from distnn.parallel import replicas
from distnn.parallel.ranks import Ranks
from distnn.runs.options import Options, criterion, optimizer
from distnn.training.loop import train
from distnn.training.progress import begin

X, Y = regression(40, d=2)


def flip(array: np.ndarray, bit: int = 0) -> None:
    array.view(np.int64)[-1] ^= 1 << bit


def training(ranks: Ranks, check_every: int, odd: tuple[int, ...], at: int, what: str, **given: Any) -> int:
    """Train 9 iterations; after iteration `at` the lowest bit of a number flips on the odd ranks. The last t."""
    given = {"optimizer": "gradient-descent", "max_iterations": 9, "hidden": (3,), "validation": 0.1, **given}
    chosen = Options(**given)
    assembly = assembled(ranks, X, Y, **given)
    progress = begin(assembly.objective, optimizer(chosen), assembly.model.network.w, chosen.window)
    arguments = (assembly.objective, optimizer(chosen), criterion(chosen), progress, 0, check_every)
    for record in train(*arguments):
        if record.t == at and ranks.rank in odd:
            flip(getattr(progress.state, what))
    assert progress.record is not None
    return progress.record.t


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_replicas_are_the_same_at_every_iteration(name: str) -> None:
    all_rows = {"validation": 0.0} if "validation" in getattr(OPTIMIZERS[name], "excludes", ()) else {}
    found = outcomes(3, lambda ranks: training(ranks, 1, (), 0, "w", optimizer=name, **all_rows))
    assert found[0] == found[1] == found[2] and isinstance(found[0], int), found


@pytest.mark.parametrize("odd", [0, 1, 2])
@pytest.mark.parametrize(("check_every", "seen"), [(4, 4), (3, 6), (100, 9)])
def test_a_flipped_bit_stops_all_ranks_and_names_the_rank(odd: int, check_every: int, seen: int) -> None:
    """At the next check, or at the end: the last bit of the last weight, after iteration 3."""
    found = outcomes(3, lambda ranks: training(ranks, check_every, (odd,), 3, "w"))
    verified = {4: 0, 6: 3, 9: 0}[seen]
    assert all(isinstance(error, RankError) for error in found), found
    assert len({str(error) for error in found}) == 1
    assert f"At t = {seen} rank {odd} holds another state than the other 2 ranks" in str(found[0])
    assert f"At t = {verified} all were the same" in str(found[0])
    assert "--resume" in str(found[0])


def test_the_state_beside_the_weights_is_checked_too() -> None:
    found = outcomes(3, lambda ranks: training(ranks, 1, (1,), 3, "m", optimizer="adam"))
    assert all(isinstance(error, RankError) and "rank 1 holds another state" in str(error) for error in found), found


def test_never_is_never() -> None:
    assert outcomes(3, lambda ranks: training(ranks, 0, (1,), 3, "w")) == [9, 9, 9]


def test_ranks_in_the_minority_are_named() -> None:
    assert "ranks 1, 4 hold other states than the other 3 ranks" in replicas.describe(list("axaay"), 7, None)
    assert "the 2 ranks hold 2 different states" in replicas.describe(list("ab"), 7, None)
    assert "the 4 ranks hold 2 different states" in replicas.describe(list("abab"), 7, None)


def test_digest_tells_every_bit_and_nothing_else() -> None:
    state = State(np.ones(3), 1.0, np.zeros(3))
    same = State(np.ones(3), 1.0, np.zeros(3))
    assert replicas.digest(state.tensors()) == replicas.digest(same.tensors())
    others = [
        State(np.array([1, 1, np.nextafter(1, 2)]), 1.0, np.zeros(3)),
        State(np.ones(3), np.nextafter(1, 2), np.zeros(3)),
        State(np.ones(3), 1.0, np.array([0, 0, -0.0])),
        State(np.ones(3), 1.0, np.zeros(3), stuck="no step"),
    ]
    assert len({replicas.digest(other.tensors()) for other in (state, *others)}) == 5


@pytest.mark.mpi(min_size=3)
def test_a_flipped_bit_under_mpi(ranks: Ranks) -> None:
    with pytest.raises(RankError, match="At t = 4 rank 1 holds another state"):
        training(ranks, 2, (1,), 3, "w")
