"""The sums over ranks: exact ones are a pure function of the terms, and the one that docs/exactness.md describes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sums import bits, one_rank, quick, term_of
from threaded_ranks import on_ranks, outcomes

from distnn.errors import RankError, UserError
from distnn.parallel import fixed_point, reduction
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.reduction import REDUCTIONS, ExactSum, PlainSum, Sum

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")

# From subnormal numbers to nearly the largest, zeros of both signs, and what lies just beside a power of two.
magnitudes = st.one_of(
    st.floats(-1e305, 1e305),
    st.floats(-10, 10),
    st.floats(-1e-300, 1e-300),
    st.builds(
        lambda e, away: float(np.nextafter(2.0**e, away)), st.integers(-1070, 1022), st.sampled_from([-np.inf, np.inf])
    ),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324]),
)


@st.composite
def problems(draw: Any) -> tuple[np.ndarray, list[int]]:
    """Terms, one a row, and the sizes of their parts."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    count = draw(st.integers(0, 12))
    pool = draw(st.lists(magnitudes, min_size=1, max_size=20))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    return generator.choice(pool, (count, sum(sizes))), sizes


def combined(parts: Sequence[np.ndarray], op: np.ufunc, generator: np.random.Generator) -> np.ndarray:
    """What an Allreduce may do: combine the parts two by two, in any order."""
    left = [part.copy() for part in parts]
    while len(left) > 1:
        a, b = left.pop(generator.integers(len(left))), left.pop(generator.integers(len(left)))
        left.append(op(a, b))
    return left[0]


def over_simulated_ranks(
    sums: Sequence[Sum], shares: Sequence[np.ndarray], generator: np.random.Generator
) -> np.ndarray:
    """The sum of ranks that hold `shares` of the terms; the same on each of them."""
    with np.errstate(all="ignore"):
        for one, share in zip(sums, shares, strict=True):
            one.first(term_of(share))
        assert not any(np.isnan(one.message).any() for one in sums)  # MAX over them would depend on the order
        message = combined([one.message for one in sums], np.maximum, generator)
        for one, share in zip(sums, shares, strict=True):
            one.message[:] = message
            one.second(term_of(share))
        total = combined([one.sum for one in sums], np.add, generator)
        results = []
        for one in sums:
            one.sum[:] = total
            results.append(one.result().copy())
    assert len({bits(result) for result in results}) == 1
    return results[0]


def dealt(rows: np.ndarray, P: int, generator: np.random.Generator) -> list[np.ndarray]:
    """The rows at random to P ranks, some of which may get none."""
    owner = generator.integers(P, size=len(rows))
    order = generator.permutation(len(rows))
    return [rows[order[owner[order] == rank]] for rank in range(P)]


def oracle(rows: np.ndarray, sizes: Sequence[int], count: int) -> np.ndarray:
    """What ExactSum promises, in rational numbers: each term rounded, half to even, to a multiple of 2^-k."""
    result, start = np.zeros(rows.shape[1]), 0
    for size in sizes:
        part = rows[:, start : start + size]
        largest = max((abs(Fraction(value)) for value in part.ravel().tolist()), default=Fraction(0))
        exponent = -1080
        while Fraction(2) ** exponent <= largest:
            exponent += 4
        room = 51  # count · 2^room has to stay below 2^63
        while count * 2**room >= 2**63:
            room -= 1
        unit = Fraction(2) ** max(exponent - room, -1074)
        for j in range(size):
            if unit > Fraction(2) ** 970:  # beyond the documented range
                result[start + j] = np.nan
                continue
            exact = unit * sum(round(Fraction(value) / unit) for value in part[:, j].tolist())
            try:
                result[start + j] = float(exact)
            except OverflowError:
                result[start + j] = math.copysign(math.inf, exact)
        start += size
    return result


@quick
@given(problems(), st.sampled_from([0, 1, 1000, 2**17, 2**20, 2**40]))
def test_equals_the_documented_function_in_rational_numbers(problem: Any, more: int) -> None:
    rows, sizes = problem
    count = len(rows) + more
    assert bits(one_rank(rows, sizes, count)) == bits(oracle(rows, sizes, count) + 0.0)


@quick
@given(
    problems(),
    st.integers(1, 9),
    st.integers(0, 2**32),
    st.sampled_from([0, 100, 1 << 20]),
    st.lists(st.sampled_from([1e-200, 1e200, math.nan, 0.0, 2.0, 0.5, 0.1, 10.0, 0.01, 100.0])),
)
def test_neither_partition_nor_order_nor_history_matter(
    problem: Any, P: int, seed: int, kept: int, past: list[float]
) -> None:
    rows, sizes = problem
    generator = np.random.default_rng(seed)
    expected = one_rank(rows, sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "KEPT_BYTES", kept)
        patch.setattr(fixed_point, "CHUNK", 5)
        shares = dealt(rows, P, generator)
        sums = [ExactSum(OneRank(), sizes, len(share), len(rows)) for share in shares]
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
    rows, generator = np.array([[value, 1.0], [value, 2.0]]), np.random.default_rng(0)
    sums = [ExactSum(OneRank(), [1, 1], 1, 2) for _ in rows]
    over_simulated_ranks(sums[1:], [np.array([[past, past]])], generator)
    total = over_simulated_ranks(sums, [row[None] for row in rows], generator)
    assert bits(total) == bits(one_rank(rows, [1, 1]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_4096_ranks_in_random_order(dtype: type) -> None:
    generator = np.random.default_rng(0)
    rows = (generator.normal(size=(4500, 7)) * 10.0 ** generator.integers(-12, 12, (4500, 7))).astype(dtype)
    expected = one_rank(rows, [4, 3])
    for _ in range(2):
        shares = dealt(rows, 4096, generator)
        assert any(len(share) == 0 for share in shares)
        sums = [ExactSum(OneRank(), [4, 3], len(share), len(rows), dtype) for share in shares]
        assert bits(over_simulated_ranks(sums, shares, generator)) == bits(expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["normal", "cancelling", "wide"])
def test_as_accurate_as_promised(dtype: type, kind: str) -> None:
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(1000, 40))
    if kind == "cancelling":
        rows[500:] = -rows[:500] * (1 + 1e-10 * rows[500:])
    if kind == "wide":
        rows *= 10.0 ** generator.uniform(-15, 15, (1000, 1))
    rows = rows.astype(dtype).astype(np.float64)
    found = one_rank(rows, [30, 10])
    exact = np.array([math.fsum(column) for column in rows.T])
    unit = np.repeat([np.abs(rows[:, :30]).max(), np.abs(rows[:, 30:]).max()], [30, 10]) * 2.0**-47
    assert (np.abs(found - exact) <= len(rows) * unit / 2 + np.abs(exact) * 2.0**-53).all()  # docs/exactness.md
    if kind != "wide":
        assert (np.abs(found - exact) / np.abs(rows).sum(axis=0)).max() < (2e-15 if dtype is np.float64 else 2e-17)


@pytest.mark.parametrize("center", [-1074, -1024, -1023, -1020, -48, 0, 47, 48, 51, 1000])
@pytest.mark.parametrize("count", [2, 5000])
def test_history_does_not_matter_at_the_bounds_of_steps(center: int, count: int) -> None:
    sums = ExactSum(OneRank(), [1], 2, count)
    values = [2.0**e * f for e in range(max(-1074, center - 5), center + 6) for f in (1, 1 + 2**-52, 1.3, 2 - 2**-52)]
    generator = np.random.default_rng(0)
    for value in generator.choice(values, 300):
        rows = np.array([[value], [value * 0.3]])
        expected = bits(oracle(rows, [1], count))
        assert bits(sums(term_of(rows))) == expected == bits(one_rank(rows, [1], count))


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_terms_in_float32_are_summed_in_float64(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    generator = np.random.default_rng(2)
    sums, plain = (kind(OneRank(), [20_000, 3], 5, 5, np.float32) for kind in (ExactSum, PlainSum))
    for scale in (1e-30, 1.0, 1e3, 1e30):
        rows = (generator.normal(size=(5, 20_003)) * scale).astype(np.float32)
        assert bits(sums(term_of(rows))) == bits(one_rank(rows.astype(np.float64), [20_000, 3]))
        assert bits(plain(term_of(rows))) == bits(np.add.reduce(rows.astype(np.float64), axis=0))


def test_the_range_of_float64() -> None:
    """Sums from the smallest to nearly the largest number; beyond it a clear NaN, and infinity for a sum too large."""
    for scale in (5e-324, 1e-320, 1e-310, 1e-300, 1e-150, 1.0, 1e150, 1e300):
        rows = np.random.default_rng(2).uniform(1, 9, (9, 5)) * scale
        exact = np.array([math.fsum(column) for column in rows.T])
        np.testing.assert_allclose(one_rank(rows, [5]), exact, rtol=1e-14)
    top = np.nextafter(2.0**1020, 0)
    assert one_rank(np.array([[top, 1.0], [-top, 1.0]]), [1, 1]).tolist() == [0, 2]
    assert one_rank(np.full((16, 1), top), [1]).tolist() == [math.inf]
    assert np.isnan(one_rank(np.array([[2.0**1020, 1.0]]), [1, 1])).tolist() == [True, False]
    for count in (4095, 4096, 2**31):
        assert np.isfinite(one_rank(np.full((3, 1), 1e300), [1], count)).all()


@pytest.mark.parametrize("count", [2**power for power in range(1, 60, 3)])
def test_the_upper_end_of_the_range(count: int) -> None:
    tops = [2.0**e * f for e in range(956, 1024) for f in (1, 1 + 2**-52)]
    rows = np.array([tops, [-0.3 * top for top in tops]])
    assert bits(one_rank(rows, [1] * len(tops), count)) == bits(oracle(rows, [1] * len(tops), count))


@pytest.mark.parametrize("C", [1, 2, 2047, 2048, 4095, 4096, 5000])
def test_no_overflow_with_the_largest_terms_all_alike(C: int) -> None:
    rows = np.full((C, 2), np.nextafter(16.0, 0)) * [1, -1]  # rounds up to the largest multiple there is
    assert bits(one_rank(rows, [2])) == bits(oracle(rows, [2], C))
    sums = [ExactSum(OneRank(), [2], 1, C) for _ in rows]
    shares = [row[None] for row in rows]
    assert bits(over_simulated_ranks(sums, shares, np.random.default_rng(C))) == bits(oracle(rows, [2], C))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_a_part_that_is_not_finite_on_one_rank_of_three(bad: float, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    generator = np.random.default_rng(3)
    shares = [generator.normal(size=(2, 6)) for _ in range(3)]
    sums = [ExactSum(OneRank(), [3, 3], 2, 6) for _ in shares]
    expected = over_simulated_ranks(sums, shares, generator)
    assert np.isfinite(expected).all()
    shares[1][1, 4] = bad
    found = over_simulated_ranks(sums, shares, generator)
    assert bits(found[:3]) == bits(expected[:3])
    assert np.isnan(found[3:]).all()
    shares[1][1, 4] = 0.5  # and nothing of it stays behind
    assert bits(over_simulated_ranks(sums, shares, generator)) == bits(one_rank(np.concatenate(shares), [3, 3]))


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_parts_that_jump_apart_from_one_another(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part stays, one goes to its second guess, one goes far: none may take another's word for its exponent."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    generator = np.random.default_rng(8)
    sums, sizes = ExactSum(OneRank(), [2, 1, 3], 3, 3), [2, 1, 3]
    powers = np.zeros(3)
    for _ in range(300):
        powers = powers + generator.choice([0, 0, 0, 4, -4, 40, -40], 3)
        rows = generator.uniform(0.5, 1, (3, 6)) * np.repeat(2.0**powers, sizes)
        assert bits(sums(term_of(rows))) == bits(one_rank(rows, sizes))


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_terms_are_computed_again_only_for_a_wrong_guess(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    sums = ExactSum(OneRank(), [2, 1], 2, 2)
    calls: list[int] = []
    scale = np.ones(3)

    def term(j: int, out: np.ndarray) -> None:
        calls.append(j)
        out[:] = [3 * (j + 1), 2, 5]
        out *= scale

    def computed() -> list[int]:
        calls.clear()
        assert sums(term).tolist() == (np.array([9, 4, 10]) * scale).tolist()
        return calls

    again = [0, 1] if kept else [0, 1, 0, 1]
    assert computed() == again
    assert computed() == [0, 1]
    scale[:] = 1.25  # the largest term is 7.5, in the same step of 4 bits
    assert computed() == [0, 1]
    scale[2] = 0  # a part that vanishes and comes back
    assert computed() == [0, 1]
    scale[2] = 1
    assert computed() == [0, 1]
    scale[2] = 4  # a step up, the first wrong guess
    assert computed() == again
    scale[2] = 1  # a step down and up, which are now kept in mind
    assert computed() == [0, 1]
    scale[2] = 4
    assert computed() == [0, 1]
    assert (sums.second_guess is None) == bool(kept)
    for _ in range(reduction.DOUBT):
        assert computed() == [0, 1]
    assert sums.second_guess is None
    scale[2] = 1e6
    assert computed() == again


def test_no_terms_and_no_ranks_with_terms() -> None:
    assert one_rank(np.zeros((0, 3)), [3]).tolist() == [0, 0, 0]
    sums = [ExactSum(OneRank(), [3], 0, 0) for _ in range(3)]
    assert over_simulated_ranks(sums, [np.zeros((0, 3))] * 3, np.random.default_rng(0)).tolist() == [0, 0, 0]


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


def test_plain_sum_adds_in_order() -> None:
    rows = np.random.default_rng(4).normal(size=(50, 3))
    expected = np.zeros(3)
    for row in rows:
        expected += row
    assert bits(PlainSum(OneRank(), [2, 1], 50, 50)(term_of(rows))) == bits(expected)
    rows[7] = [np.nan, np.inf, 1]
    found = PlainSum(OneRank(), [2, 1], 50, 50)(term_of(rows))
    assert np.isnan(found[0]) and np.isinf(found[1]) and np.isfinite(found[2])
