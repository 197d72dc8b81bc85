"""Fitting on ranks: all rows on each or its own ones, the same bits, and errors on all of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from estimators import classifier, quiet, regressor
from tables import regression, rows_of, words
from threaded_ranks import on_ranks, outcomes

from distnn.errors import UserError
from distnn.parallel.ranks import OneRank, Ranks

pytestmark = quiet
X, Y = regression(60)
y = Y[:, 0]
XC, NAMES = words(60)
WEIGHTS = np.random.default_rng(2).random(60)
FAST = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0, "alpha": 1.0}


def fitted(ranks: Ranks, counts: list[int] | None, kind: Any = regressor, weights: Any = None, **given: Any) -> Any:
    from distnn.sklearn import communicator

    own = slice(None) if counts is None else rows_of(ranks.rank, counts)
    X_, y_ = (XC, NAMES) if kind is classifier else (X, y)
    estimator = kind(**{**FAST, **given}, rows="all" if counts is None else "own")
    with communicator(ranks):
        return estimator.fit(X_[own], y_[own], None if weights is None else weights[own])


@pytest.mark.parametrize("kind", [regressor, classifier])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_same_bits_however_the_rows_are_passed(kind: Any, weights: Any) -> None:
    expected = kind(**FAST).fit(*((XC, NAMES) if kind is classifier else (X, y)), weights)
    for counts in (None, [20, 20, 20], [0, 55, 5]):

        def work(ranks: Ranks, counts: list[int] | None = counts) -> Any:
            return fitted(ranks, counts, kind, weights)

        for found in on_ranks(3, work):
            assert found.model_.network.w.tobytes() == expected.model_.network.w.tobytes()
            assert found.loss_curve_ == expected.loss_curve_
            if kind is classifier:
                assert found.classes_.tolist() == expected.classes_.tolist()
                np.testing.assert_array_equal(found.predict(XC), expected.predict(XC))


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("kind", [regressor, classifier])
def test_the_same_bits_under_MPI(kind: Any, comm: Any) -> None:
    """Also where rank 0 has no rows, all others but one a single label, and each draws a seed of its own."""
    expected = fitted(OneRank(), None, kind, WEIGHTS)
    counts = [0, 60 - comm.size + 2] + [1] * (comm.size - 2)
    state = 0 if comm.rank == 0 else None
    for found in (fitted(comm, None, kind, WEIGHTS), fitted(comm, counts, kind, WEIGHTS, random_state=state)):
        assert found.model_.network.w.tobytes() == expected.model_.network.w.tobytes()
        assert found.loss_curve_ == expected.loss_curve_
        if kind is classifier:
            np.testing.assert_array_equal(found.predict(XC), expected.predict(XC))


@pytest.mark.mpi(min_size=2)
def test_an_error_of_one_rank_is_raised_on_all_under_MPI(comm: Any) -> None:
    """As on threads; and the next training has none."""
    from distnn.sklearn import communicator

    bad = X * (np.nan if comm.rank == 1 else 1)
    with communicator(comm):
        with pytest.raises(ValueError if comm.rank == 1 else UserError, match="Input X contains NaN"):
            regressor(**FAST, rows="own").fit(bad, y)
        with pytest.raises(UserError, match="the ranks pass different rows"):
            regressor(**FAST).fit(X + comm.rank, y)
        assert regressor(**FAST).fit(X, y).n_iter_ == 5


def test_rank_0_draws_where_nothing_is_said() -> None:
    """Threads share numpy's generator, from which each rank takes another number."""
    weights = {found.model_.network.w.tobytes() for found in on_ranks(3, lambda r: fitted(r, None, random_state=None))}
    assert len(weights) == 1


def test_several_targets_of_which_one_rank_has_none() -> None:
    def work(ranks: Ranks) -> Any:
        from distnn.sklearn import communicator

        own = rows_of(ranks.rank, [0, 60])
        with communicator(ranks):
            return regressor(**FAST, rows="own").fit(X[own], np.hstack([Y, -Y])[own]).predict(X[:4]).shape

    assert on_ranks(2, work) == [(4, 2)] * 2


def test_an_error_of_one_rank_is_raised_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.parallel.ranks.ALONE_SECONDS", 0.2)

    def work(ranks: Ranks) -> Any:
        from distnn.sklearn import communicator

        bad = X * (np.nan if ranks.rank == 1 else 1)
        with communicator(ranks):
            regressor(**FAST, rows="own").fit(bad, y)

    first, second, third = outcomes(3, work)
    assert type(second) is ValueError and "contains NaN" in str(second), "scikit-learn's own"
    for error in (first, third):
        assert isinstance(error, UserError) and str(error).startswith("Rank 1: Input X contains NaN")


@pytest.mark.parametrize("what", ["rows", "labels", "weights", "parameters"])
def test_ranks_that_pass_different_rows_without_saying_so(what: str) -> None:
    def work(ranks: Ranks) -> Any:
        from distnn.sklearn import communicator

        other = ranks.rank == 2
        labels = np.where(np.arange(60) == 7, "kiwi", NAMES) if what == "labels" and other else NAMES
        weights = WEIGHTS * 2 if what == "weights" and other else WEIGHTS
        given = {**FAST, "max_iter": 6} if what == "parameters" and other else FAST
        with communicator(ranks):
            classifier(**given).fit(XC + (what == "rows" and other), labels.astype(object), weights)

    for error in outcomes(3, work):
        assert isinstance(error, UserError), error
        assert "the ranks" in str(error)


def test_the_sum_of_weights_is_exact() -> None:
    from distnn.sklearn.ranks import total

    values = np.array([1e-300, 3.0, 2.0**60, 0.1, 0.0, 5e-324, 2.0**60, 0.7])
    assert total(values, 8, OneRank()) == float(sum(map(Fraction, values.tolist())))
    assert total(None, 8, OneRank()) == 8.0
    generator = np.random.default_rng(0)
    many = generator.random(100_000) * 10.0 ** generator.integers(-20, 20, 100_000)
    exact = float(sum(map(Fraction, many.tolist())))
    assert total(many, len(many), OneRank()) == exact
    assert on_ranks(3, lambda ranks: total(many[ranks.rank :: 3], 0, ranks)) == [exact] * 3
