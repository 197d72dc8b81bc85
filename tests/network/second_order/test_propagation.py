"""Forward propagation that sums of second order share: it is that of the weights in use, and made once for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from curved import problem, weights_for

from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order import propagation
from distnn.network.second_order.propagation import Propagated, Propagation, propagated
from distnn.training.objective import Objective


@pytest.fixture
def objective(small_blocks: None) -> Objective:
    return problem("squared", "tanh")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number for each block that is propagated forward."""
    found: list[int] = []

    def count(backpropagation: Backpropagation, block: Block) -> Propagated:
        found.append(block.x.shape[1])
        return propagated(backpropagation, block)

    monkeypatch.setattr(propagation, "propagated", count)
    return found


def test_x_has_rows_of_ones_and_s_is_that_of_the_passes(objective: Objective) -> None:
    backpropagation, block = objective.backpropagation, objective.examples.blocks[0]
    backpropagation.load(weights_for(objective))
    found = propagated(backpropagation, block)
    assert [x.shape for x in found.x] == [(4, 5), (6, 5), (5, 5)]
    for x in found.x:
        np.testing.assert_array_equal(x[0], 1)
    np.testing.assert_array_equal(found.s, backpropagation.signals(block.x))


def test_blocks_are_propagated_once_for_the_same_weights(objective: Objective, made: list[int]) -> None:
    """A trial in between, at other weights, asks for none of it; and w may be changed where it lies."""
    count, w = len(objective.examples.blocks), weights_for(objective)
    v, trial = weights_for(objective, 1), weights_for(objective, 2)
    first = objective.hessian_product(w, v)
    objective(trial)
    again = objective.hessian_product(w.copy(), v)
    objective.gauss_newton(w), objective.acceleration(w, v)
    assert len(made) == count
    assert again.tobytes() == first.tobytes()
    w += trial
    moved = objective.hessian_product(w, v)
    assert len(made) == 2 * count
    assert moved.tobytes() == problem("squared", "tanh").hessian_product(w, v).tobytes() != first.tobytes()


def test_other_blocks_are_not_taken_for_these(objective: Objective) -> None:
    blocks, kept = objective.examples.blocks, Propagation(objective.backpropagation)
    objective.backpropagation.load(weights_for(objective))
    assert kept(blocks, 0).block is blocks[0]
    assert kept(blocks[1:], 0).block is blocks[1]


def test_no_more_is_kept_than_there_is_memory_for(
    objective: Objective, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = (6 + 5 + 3) * 5
    monkeypatch.setattr(propagation, "KEPT_BYTES", 3 * 8 * numbers)
    blocks, kept = objective.examples.blocks, Propagation(objective.backpropagation)
    for w in (weights_for(objective), weights_for(objective, 1)):
        objective.backpropagation.load(w)
        made.clear()
        for _ in range(2):
            for j in range(len(blocks)):
                kept(blocks, j)
        assert len(made) == 2 * len(blocks) - 3


def test_blocks_that_are_read_from_a_file_are_not_kept(objective: Objective, made: list[int]) -> None:
    """Each is good until the next one is asked for only."""

    class File(Sequence[Block]):
        def __len__(self) -> int:
            return len(objective.examples.blocks)

        def __getitem__(self, j: int) -> Block:  # type: ignore[override]
            return objective.examples.blocks[j]

    kept, blocks = Propagation(objective.backpropagation), cast("Sequence[Block]", File())
    for _ in range(2):
        kept(blocks, 0)
    assert len(made) == 2
