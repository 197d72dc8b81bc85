"""Which examples a step sees and which rows are held out: functions of the seed and of numbers alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from distnn.data.sampling import SAMPLING, bootstrap, for_test, held_out, permuted, picks, shuffled, trained
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
    """24 orders of 4, 100 expected of each: χ² with 23 degrees of freedom exceeds 50 once in a thousand times."""
    counts = Counter(tuple(shuffled(0, epoch, 4, 4)) for epoch in range(2400))
    assert len(counts) == 24
    assert sum((count - 100) ** 2 for count in counts.values()) / 100 < 50


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


def test_picks_depend_on_seed_and_t_only() -> None:
    drawn = np.concatenate([picks(1, t, 10, 100) for t in range(100)])
    assert set(drawn) == set(range(10))
    assert np.bincount(drawn) == pytest.approx(np.full(10, 1000), rel=0.12)
    np.testing.assert_array_equal(picks(1, 7, 10, 100), drawn[700:800])
    assert not np.array_equal(picks(2, 7, 10, 100), drawn[700:800])


def test_which_rows_are_held_out_depends_on_seed_and_row_only() -> None:
    whole = held_out(3, 0.2, np.arange(0, 20_000))
    assert whole.mean() == pytest.approx(0.2, abs=0.01)
    assert np.corrcoef(whole[:-1], whole[1:])[0, 1] == pytest.approx(0, abs=0.03)
    np.testing.assert_array_equal(held_out(3, 0.2, np.arange(777, 5000)), whole[777:5000])
    assert (held_out(4, 0.2, np.arange(0, 20_000)) != whole).any()
    assert (held_out(3, 0.3, np.arange(0, 20_000)) >= whole).all()  # more are held out, none comes back
    assert not held_out(3, 0.0, np.arange(0, 50)).any()


def test_rows_of_the_test_are_others_than_those_held_out() -> None:
    rows = np.arange(0, 20_000)
    held, test = held_out(3, 0.6, rows), for_test(3, 0.4 - 1e-9, rows)
    assert test.mean() == pytest.approx(0.4, abs=0.01)
    assert not (held & test).any()
    np.testing.assert_array_equal(trained(3, 0.6, 0.3, rows), ~held & ~for_test(3, 0.3, rows))
    np.testing.assert_array_equal(for_test(3, 0.4 - 1e-9, rows[777:5000]), test[777:5000])
    assert not for_test(3, 0.0, rows).any() and trained(3, 0.0, 0.0, rows).all()


def test_a_bootstrap_draws_each_row_once_in_the_mean_by_its_number_alone() -> None:
    rows = np.arange(200_000)
    drawn = bootstrap(3, 0, rows)
    shares = np.bincount(drawn, minlength=4)[:4] / len(rows)
    np.testing.assert_allclose(shares, np.exp(-1) / np.array([1, 1, 2, 6]), atol=0.005)  # Poisson's
    assert abs(drawn.mean() - 1) < 0.01
    np.testing.assert_array_equal(bootstrap(3, 0, rows[500:900]), drawn[500:900])
    for other in (bootstrap(3, 1, rows), bootstrap(4, 0, rows)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.01
