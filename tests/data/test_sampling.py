"""Shuffled epochs: every example once before any comes again, in an order that seed, epoch and n alone decide."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from distnn.data.sampling import SAMPLING, permuted, shuffled
from distnn.streams import stream


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 63, 64, 65])
def test_every_number_once_in_an_epoch(n: int, size: int) -> None:
    drawn = np.concatenate([shuffled(3, t, n, size) for t in range(-(-3 * n // size))])
    for epoch in range(3):
        assert sorted(drawn[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_a_step_does_not_depend_on_the_batches_before() -> None:
    """Neither order of asking nor batch size changes the sequence."""
    one = np.concatenate([shuffled(3, t, 20, 1) for t in range(40)])
    np.testing.assert_array_equal(one, np.concatenate([shuffled(3, t, 20, 8) for t in range(5)]))
    np.testing.assert_array_equal(shuffled(3, 2, 20, 8), one[16:24])


def test_epochs_and_seeds_differ() -> None:
    orders = {tuple(shuffled(seed, epoch, 30, 30)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_all_orders_are_about_equally_frequent() -> None:
    """24 orders of 4, 500 expected of each: χ² with 23 degrees of freedom exceeds 50 once in a thousand times."""
    counts = Counter(tuple(shuffled(0, epoch, 4, 4)) for epoch in range(12_000))
    assert len(counts) == 24
    assert sum((count - 500) ** 2 for count in counts.values()) / 500 < 50


def test_places_are_not_correlated() -> None:
    """Where an example comes says nothing of where its neighbour comes."""
    order = permuted(np.arange(10_000), 10_000, stream(1, "epochs")).astype(float)
    for lag in (1, 2, 64, 128):
        assert abs(np.corrcoef(order[:-lag], order[lag:])[0, 1]) < 0.04
    assert abs(np.corrcoef(order, np.arange(10_000))[0, 1]) < 0.04


def test_samplings_are_known_by_name() -> None:
    for sample in SAMPLING.values():
        chosen = sample(0, 5, 10**12, 1000)
        assert chosen.dtype == np.int64 and chosen.min() >= 0 and chosen.max() < 10**12 and chosen.max() > 5 * 10**11
