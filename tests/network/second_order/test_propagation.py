"""Forward propagation that sums of second order share: it is that of the weights in use, and made once for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pytest
from curved import problem, weights_for

from distnn.kernels.blocks import Block
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order import propagation
from distnn.network.second_order.acceleration import Acceleration
from distnn.network.second_order.hessian import Backpropagated, HessianProduct, backpropagated
from distnn.network.second_order.propagation import Kept, Propagated, memory, propagated
from distnn.training.objective import Objective
from distnn.training.terms import BlockTerms

T = TypeVar("T")


@pytest.fixture
def objective(small_blocks: None) -> Objective:
    return problem("squared", "tanh")


@pytest.fixture
def made(objective: Objective, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made for sums of the objective, one word for each block."""
    found: list[str] = []
    terms = objective.terms
    assert isinstance(terms, BlockTerms)
    for kept in (terms._propagated, terms._backpropagated):
        monkeypatch.setattr(kept, "make", counted(kept.make, found))
    return found


def counted(make: Callable[[Backpropagation, Block], T], found: list[str]) -> Callable[[Backpropagation, Block], T]:
    def count(backpropagation: Backpropagation, block: Block) -> T:
        found.append(make.__name__)
        return make(backpropagation, block)

    return count


def test_x_has_rows_of_ones_and_s_is_that_of_the_passes(objective: Objective) -> None:
    backpropagation, block = objective.backpropagation, objective.examples.blocks[0]
    backpropagation.load(weights_for(objective))
    found = propagated(backpropagation, block)
    assert [x.shape for x in found.x] == [(4, 5), (6, 5), (5, 5)]
    for x in found.x:
        np.testing.assert_array_equal(x[0], 1)
    np.testing.assert_array_equal(found.s, backpropagation.signals(block.x))


def test_blocks_are_propagated_once_for_the_same_weights(objective: Objective, made: list[str]) -> None:
    """A trial in between, at other weights, asks for none of it; and w may be changed where it lies."""
    count, w = len(objective.examples.blocks), weights_for(objective)
    v, trial = weights_for(objective, 1), weights_for(objective, 2)
    first = objective.hessian_product(w, v)
    objective(trial)
    again = objective.hessian_product(w.copy(), v)
    objective.gauss_newton(w), objective.acceleration(w, v)
    assert made == ["backpropagated"] * count + ["propagated"] * count
    assert again.tobytes() == first.tobytes()
    w += trial
    moved = objective.hessian_product(w, v)
    assert len(made) == 3 * count
    assert moved.tobytes() == problem("squared", "tanh").hessian_product(w, v).tobytes() != first.tobytes()


def test_other_blocks_and_other_shares_are_not_taken_for_these(objective: Objective) -> None:
    blocks, kept = objective.examples.blocks, Kept(objective.backpropagation, backpropagated)
    w, shares = weights_for(objective), np.array([1.0, 2.0, 4.0])
    objective.backpropagation.load(w)
    found = kept(blocks, 0)
    assert found.block is blocks[0] and kept(blocks, 0) is found
    objective.backpropagation.load(w, shares)
    np.testing.assert_array_equal(kept(blocks, 0).delta[-1], shares[:, None] * found.delta[-1])
    assert kept(blocks[1:], 0).block is blocks[1]


@pytest.mark.parametrize("make", [propagated, backpropagated])
def test_no_more_is_kept_than_there_is_memory_for(
    make: Callable[..., Propagated | Backpropagated], objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = 5 * (6 + 5 + 3) if make is propagated else 5 * (6 + 5 + 3 + (5 + 4 + 3) + (5 + 4))
    monkeypatch.setattr(propagation, "KEPT_BYTES", 3 * 8 * numbers)
    blocks, made = objective.examples.blocks, list[str]()
    kept = Kept(objective.backpropagation, counted(make, made))
    for w in (weights_for(objective), weights_for(objective, 1)):
        objective.backpropagation.load(w)
        made.clear()
        for _ in range(2):
            for j in range(len(blocks)):
                kept(blocks, j)
        assert len(made) == 2 * len(blocks) - 3


@pytest.mark.parametrize("make", [propagated, backpropagated])
def test_memory_that_is_told_beforehand(
    make: Callable[..., Propagated | Backpropagated], objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of all rows, or KEPT_BYTES; one block more; and what a sum along a vector has room for."""
    backpropagation, blocks = objective.backpropagation, objective.examples.blocks
    backpropagation.load(weights_for(objective))
    along = Acceleration(backpropagation) if make is propagated else HessianProduct(backpropagation)
    along.load(weights_for(objective, 1))
    found = make(backpropagation, blocks[0])
    out, width = weights_for(objective), blocks[0].x.shape[1]
    along.write(found, out) if isinstance(along, Acceleration) else along.product(found, out)
    rooms = sum(room.nbytes for name in along._memory for room in along._room(name, width))
    rows = sum(block.x.shape[1] for block in blocks)
    needed = (backpropagation.d, rows, width, np.float64, make is backpropagated)
    assert memory(*needed) == found.bytes * rows // width + found.bytes + rooms
    monkeypatch.setattr(propagation, "KEPT_BYTES", 100)
    assert memory(*needed) == 100 + found.bytes + rooms


def test_blocks_that_are_read_from_a_file_are_not_kept(objective: Objective) -> None:
    """Each is good until the next one is asked for only."""

    class File(Sequence[Block]):
        def __len__(self) -> int:
            return len(objective.examples.blocks)

        def __getitem__(self, j: int) -> Block:  # type: ignore[override]
            return objective.examples.blocks[j]

    made, blocks = list[str](), File()
    kept = Kept(objective.backpropagation, counted(propagated, made))
    for _ in range(2):
        kept(blocks, 0)
    assert len(made) == 2
