"""States become arrays and go on to the bit, on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from stepping import network
from threaded_ranks import on_ranks

from distnn.optimizers import OPTIMIZERS, State
from distnn.parallel.ranks import OneRank, Ranks
from distnn.storage.files import DTYPES, ReadApart


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resume_to_the_bit(name: str, small_blocks: None) -> None:
    """At every step: the state becomes arrays, those become bytes, and a new state goes on in a new objective."""
    optimizer = OPTIMIZERS[name]()
    objective, w = network(OneRank())
    given = w.copy()
    state = optimizer.start(objective, w)
    resumed = state
    for t in range(8):
        state = optimizer.step(objective, state, t)
        tensors = {key: np.asarray(value) for key, value in resumed.tensors().items()}
        assert {value.dtype.name for value in tensors.values()} <= set(DTYPES)
        stored = {key: (value.tobytes(), value.dtype, value.shape) for key, value in tensors.items()}
        arrays = {key: np.frombuffer(*value[:2]).reshape(value[2]) for key, value in stored.items()}
        resumed = optimizer.step(network(OneRank())[0], type(resumed).restore(arrays), t)
        assert bits(resumed) == bits(state)
    np.testing.assert_array_equal(w, given)


def test_pairs_that_are_forgotten_give_their_memory_back() -> None:
    """Also those that were read from a checkpoint as one matrix."""
    objective, w = network(OneRank())
    optimizer = OPTIMIZERS["lbfgs"]()
    state = optimizer.step(objective, optimizer.start(objective, w), 0)
    tensors = {name: np.asarray(value) for name, value in state.tensors().items()}
    restored = type(state).restore(tensors)
    assert [row.base for row in restored.S.vectors] == [None]
    apart = ReadApart(tuple(map(np.copy, tensors["S"])), np.dtype(float), tensors["S"].shape)
    again = type(state).restore({**tensors, "S": apart})
    assert again.S.vectors[0] is apart.vectors[0]
    assert bits(again) == bits(restored) == bits(state)


def bits(state: State) -> dict[str, bytes]:
    return {name: np.asarray(value).tobytes() for name, value in state.tensors().items()}


def hashes(ranks: Ranks, name: str) -> list[dict[str, bytes]]:
    """The states of the first few steps."""
    objective, w = network(ranks)
    optimizer = OPTIMIZERS[name]()
    state = optimizer.start(objective, w)
    states = [bits(state)]
    for t in range(8):
        state = optimizer.step(objective, state, t)
        states.append(bits(state))
    return states


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_for_every_P(name: str, small_blocks: None) -> None:
    assert on_ranks(3, lambda ranks: hashes(ranks, name)) == [hashes(OneRank(), name)] * 3


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_under_mpi(name: str, small_blocks: None, ranks: Ranks) -> None:
    assert hashes(ranks, name) == hashes(OneRank(), name)
