"""Sums of numbers that are not finite, of terms that fail, of too many terms: on all ranks alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sums import bits, one_rank, over_simulated_ranks, term_of
from threaded_ranks import on_ranks, outcomes

from distnn.errors import RankError, UserError
from distnn.parallel import reduction
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.reduction import REDUCTIONS, ExactSum

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_a_part_that_is_not_finite_on_one_rank_of_three(bad: float, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    generator = np.random.default_rng(3)
    shares = [generator.normal(size=(2, 6)) for _ in range(3)]
    parts = [3, (3, 1)]
    sums = [ExactSum(OneRank(), parts, 2, 6) for _ in shares]
    expected = over_simulated_ranks(sums, shares, generator)
    assert np.isfinite(expected).all()
    shares[1][1, 4] = bad
    found = over_simulated_ranks(sums, shares, generator)
    assert bits(found[:3]) == bits(expected[:3])
    assert np.isnan(found[3:]).all()
    shares[1][1, 4] = 0.5  # and nothing of it stays behind
    assert bits(over_simulated_ranks(sums, shares, generator)) == bits(one_rank(np.concatenate(shares), parts))


def test_more_terms_than_announced_are_refused() -> None:
    def work(ranks: Ranks) -> Any:
        return ExactSum(ranks, [1], 2, 5)(term_of(np.ones((2, 1))))

    found = outcomes(3, work)
    assert [str(error) for error in found] == ["6 terms were added, although 5 were announced"] * 3


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("call", [1, 2])
def test_an_exception_on_one_rank_is_raised_on_all(
    name: str, kept: int, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it strikes while terms are computed for the second time; and the next sum is right."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    strikes = call == 1 or (name == "exact" and not kept)

    def work(ranks: Ranks) -> list[float]:
        sums, calls = REDUCTIONS[name](ranks, [2], 2, 6), 0

        def term(j: int, out: np.ndarray) -> None:
            nonlocal calls
            calls += j == 1
            if ranks.rank == 1 and calls == call and j == 1:
                raise UserError("row 7 is bad")
            out[:] = 3

        try:
            sums(term)
        except UserError as error:
            assert strikes and str(error) == "row 7 is bad"
        else:
            assert not strikes
        return sums(term_of(np.full((2, 2), 1e9))).tolist()

    assert on_ranks(3, work) == [[6e9, 6e9]] * 3


@pytest.mark.parametrize("name", REDUCTIONS)
def test_an_unexpected_exception_names_its_rank(name: str) -> None:
    def work(ranks: Ranks) -> None:
        rows = np.ones((1, 1)) if ranks.rank == 2 else np.ones((2, 1))  # rank 2 has no row 1
        REDUCTIONS[name](ranks, [1], 2, 6)(term_of(rows))

    found = outcomes(3, work)
    assert all(isinstance(error, RankError) and "rank 2 failed: IndexError" in str(error) for error in found)
