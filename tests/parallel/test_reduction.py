"""Exact sums are a pure function of the terms, and the one that docs/exactness.md describes."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from availability import every_arithmetic
from hypothesis import given
from sums import bits, dealt, one_rank, oracle, over_simulated_ranks, problems, quick, term_of

from distnn.parallel import layout, reduction
from distnn.parallel.layout import Part
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum, PlainSum

PARTS: list[Part] = [4, (3, 2), 3]  # of the terms of several tests


@quick
@given(problems(), st.sampled_from([0, 1, 1000, 2**17, 2**20, 2**40]))
def test_equals_the_documented_function_in_rational_numbers(problem: Any, more: int) -> None:
    rows, parts = problem
    count = len(rows) + more
    expected = bits(oracle(rows, parts, count) + 0.0)
    for _ in every_arithmetic():
        assert bits(one_rank(rows, parts, count)) == expected


@quick
@given(
    problems(),
    st.integers(1, 9),
    st.integers(0, 2**32),
    st.sampled_from([0, 100, 1 << 20]),
    st.lists(st.sampled_from([1e-200, 1e200, np.nan, 0.0, 2.0, 0.5, 0.1, 10.0, 0.01, 100.0])),
)
def test_neither_partition_nor_order_nor_history_matter(
    problem: Any, P: int, seed: int, kept: int, past: list[float]
) -> None:
    rows, parts = problem
    generator = np.random.default_rng(seed)
    expected = one_rank(rows, parts)
    shares = dealt(rows, P, generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "KEPT_BYTES", kept)
        patch.setattr(layout, "CHUNK", 5)
        for _ in every_arithmetic():
            sums = [ExactSum(OneRank(), parts, len(share), len(rows)) for share in shares]
            for scale in past:  # other sums before: a guess of k that is wrong, or nearly
                with np.errstate(all="ignore"):
                    other = [share * scale for share in shares]
                over_simulated_ranks(sums, other, generator)
            assert bits(over_simulated_ranks(sums, shares, generator)) == bits(expected)
            assert bits(over_simulated_ranks(sums, shares, generator)) == bits(expected)


@pytest.mark.parametrize("past", [1e-320, 1e-30, 1.0, 1e30])
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 1e-320, np.inf, np.nan])
def test_ranks_with_different_pasts(past: float, value: float) -> None:
    """As simulated ranks are, which are made anew for every sum."""
    rows, parts = np.array([[value, 1.0, 1e-9, value], [value, 2.0, 1e-9, value]]), [1, (3, 1)]
    generator = np.random.default_rng(0)
    for _ in every_arithmetic():
        sums = [ExactSum(OneRank(), parts, 1, 2) for _ in rows]
        over_simulated_ranks(sums[1:], [np.full((1, 4), past)], generator)
        total = over_simulated_ranks(sums, [row[None] for row in rows], generator)
        assert bits(total) == bits(one_rank(rows, parts))


@pytest.mark.parametrize("center", [-1074, -1024, -1023, -1020, -48, 0, 47, 48, 51, 1000])
@pytest.mark.parametrize("count", [2, 5000])
def test_history_does_not_matter_at_the_bounds_of_steps(center: int, count: int) -> None:
    values = [2.0**e * f for e in range(max(-1074, center - 5), center + 6) for f in (1, 1 + 2**-52, 1.3, 2 - 2**-52)]
    below = [2.0**e * f for e in (-34, -33, -32, -31, -18, -17, -16, -15, 0) for f in (1, 1 - 2**-53, 0.7, 0)]
    generator = np.random.default_rng(0)
    problems = []
    for value, factor in zip(generator.choice(values, 25), generator.choice(below, 25), strict=True):
        rows = np.array([[value, value * factor], [value * 0.3, -value * factor * 0.9]])
        problems.append((rows, bits(oracle(rows, [(2, 1)], count))))
    for _ in every_arithmetic():
        sums = ExactSum(OneRank(), [(2, 1)], 2, count)
        for rows, expected in problems:
            assert bits(sums(term_of(rows))) == expected == bits(one_rank(rows, [(2, 1)], count))


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_parts_that_jump_apart_from_one_another(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part stays, one goes to its second guess, one goes far: none may take another's word for its exponent."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    parts: list[Part] = [2, 1, (3, 2)]
    for _ in every_arithmetic():
        generator, sums, powers = np.random.default_rng(8), ExactSum(OneRank(), parts, 3, 3), np.zeros(5)
        for _ in range(60):
            powers = powers + generator.choice([0, 0, 0, 0, 0, 0, 4, -4, 16, -16, 40, -40], 5)
            rows = generator.uniform(0.5, 1, (3, 9)) * np.repeat(2.0**powers, [2, 1, 2, 2, 2])
            assert bits(sums(term_of(rows))) == bits(one_rank(rows, parts))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_many_ranks_in_random_order(dtype: type) -> None:
    for arithmetic in every_arithmetic():
        P = 1000 if (dtype, arithmetic) == (np.float64, "off") else 100
        generator, n = np.random.default_rng(0), P + P // 10
        rows = (generator.normal(size=(n, 13)) * 10.0 ** generator.integers(-12, 12, (n, 13))).astype(dtype)
        expected, first = one_rank(rows, PARTS), ExactSum(OneRank(), PARTS, 0, len(rows), dtype)
        shares = dealt(rows, P, generator)
        assert any(len(share) == 0 for share in shares)
        sums = [first.like(len(share)) for share in shares]
        assert bits(over_simulated_ranks(sums, shares, generator)) == bits(expected)


@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("parts", [[20_000, 3], [(500, 40), 3], [(1, 20_000), (3, 1)], [(2, 9000), 2000, (1, 3)]])
def test_terms_in_float32_are_summed_in_float64(kept: int, parts: list[Part], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    for _ in every_arithmetic():
        generator = np.random.default_rng(2)
        sums, plain = (kind(OneRank(), parts, 5, 5, np.float32) for kind in (ExactSum, PlainSum))
        for scale in (1e-30, 1.0, 1e3, 1e30):
            rows = (generator.normal(size=(5, 20_003)) * scale).astype(np.float32)
            assert bits(sums(term_of(rows))) == bits(one_rank(rows.astype(np.float64), parts))
            assert bits(plain(term_of(rows))) == bits(np.add.reduce(rows.astype(np.float64), axis=0))


def test_no_terms_and_no_ranks_with_terms() -> None:
    for _ in every_arithmetic():
        assert one_rank(np.zeros((0, 3)), [3]).tolist() == [0, 0, 0]
        sums = [ExactSum(OneRank(), [3], 0, 0) for _ in range(3)]
        assert over_simulated_ranks(sums, [np.zeros((0, 3))] * 3, np.random.default_rng(0)).tolist() == [0, 0, 0]
