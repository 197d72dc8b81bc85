"""Mini-batches: the examples drawn, put together from all ranks, the same wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.data.batches import Batches
from distnn.data.sampling import SAMPLING
from distnn.parallel.ranks import OneRank, Ranks

N, SIZE = 23, 12


def whole(ranks: Ranks, sampling: str, dtype: str, weighted: bool, t: int = 3) -> tuple[np.ndarray, ...]:
    """x, y and weights of a batch, put together from the blocks of all ranks."""
    X, Y = regression(N, m=2)
    weights = np.linspace(1, 2, N) if weighted else None
    assembly = assembled(ranks, X, Y, weights, standardise=False, standardise_targets=False, dtype=dtype)
    batches = Batches(assembly.examples, ranks, assembly.model.network.d, dtype, SIZE, seed=4, sampling=sampling)
    blocks = batches(t)
    assert len(blocks) == len(batches.owned)
    found = [block for mine in ranks.gather(blocks) for block in mine]
    return tuple(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sampling", SAMPLING)
def test_a_batch_holds_the_examples_drawn(sampling: str, dtype: str, weighted: bool, small_blocks: None) -> None:
    X, Y = regression(N, m=2)
    chosen = SAMPLING[sampling](4, 3, N, SIZE)
    x, y, weights = whole(OneRank(), sampling, dtype, weighted)
    np.testing.assert_array_equal(x, np.vstack([np.ones(SIZE), X[chosen].T]).astype(dtype))
    np.testing.assert_array_equal(y, Y[chosen].T.astype(dtype))
    np.testing.assert_array_equal(
        weights, (np.linspace(1, 2, N)[chosen] / 16 if weighted else np.ones(SIZE)).astype(dtype)
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_same_on_any_number_of_ranks(dtype: str, small_blocks: None) -> None:
    expected = whole(OneRank(), "epochs", dtype, True)
    for size in (2, 3, 9):
        for found in on_ranks(size, lambda ranks: whole(ranks, "epochs", dtype, True)):
            for mine, other in zip(found, expected, strict=True):
                assert mine.tobytes() == other.tobytes()
