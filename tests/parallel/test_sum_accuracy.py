"""How accurate exact sums are: what docs/exactness.md promises, from the smallest to the largest numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from availability import every_arithmetic
from sums import bits, one_rank, oracle, over_simulated_ranks

from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum


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
    exact = np.array([math.fsum(column) for column in rows.T])
    unit = np.repeat([np.abs(rows[:, :30]).max(), np.abs(rows[:, 30:]).max()], [30, 10]) * 2.0**-47
    for _ in every_arithmetic():
        for parts in ([30, 10], [(3, 10), (10, 1)]):
            off = np.abs(one_rank(rows, parts) - exact)
            assert (off <= len(rows) * unit / 2 + np.abs(exact) * 2.0**-53).all()
            if kind != "wide":
                assert (off / np.abs(rows).sum(axis=0)).max() < (2e-15 if dtype is np.float64 else 2e-17)


@pytest.mark.usefixtures("numpy_and_compiled")
@pytest.mark.parametrize("size", [1e-3, 1e-4, 1e-6, 1e-10, 1e-16, 1e-30, 1e-200])
def test_rows_far_below_their_matrix_keep_their_digits(size: float) -> None:
    """Each is as accurate as if it were 2^16 times as large; the largest rows as without the others."""
    terms, generator = 64, np.random.default_rng(5)
    rows = generator.normal(size=(terms, 3, 8)) * np.array([1, size, 1e-40])[:, None]
    found = one_rank(rows.reshape(terms, -1), [(3, 8)]).reshape(3, 8)
    for row, terms_of_row in zip(found, rows.swapaxes(0, 1), strict=True):
        exact = np.array([math.fsum(column) for column in terms_of_row.T])
        largest, of_matrix = np.abs(terms_of_row).max(), np.abs(rows).max()
        unit = min(2.0**-35 * largest, 2.0**-47 * of_matrix)
        assert (np.abs(row - exact) <= terms * unit / 2 + 2.0**-53 * np.abs(exact)).all()
        assert (np.abs(row - exact) <= 1e-10 * np.abs(terms_of_row).sum(axis=0)).all()
    assert bits(found[0]) == bits(one_rank(rows[:, 0], [8]))


@pytest.mark.usefixtures("numpy_and_compiled")
def test_components_of_a_millionth() -> None:
    """The figures of docs/exactness.md, for 64 terms: in a row with the largest, and in a row of their own."""
    generator = np.random.default_rng(9)
    rows = generator.normal(size=(64, 2, 1000)) * np.array([1e-6, 1e-6])[:, None]
    rows[:, 0, 0] *= 1e6
    exact = np.array([[math.fsum(column) for column in row.T] for row in rows.swapaxes(0, 1)])
    found = one_rank(rows.reshape(64, -1), [(2, 1000)]).reshape(2, 1000)
    errors = np.abs(found - exact) / np.abs(rows).sum(axis=0)
    assert 1e-11 < errors[0, 1:].max() < 1e-8
    assert errors[1].max() < 2e-13


@pytest.mark.usefixtures("numpy_and_compiled")
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
    assert np.isnan(one_rank(np.array([[2.0**1020, 1.0, 1.0]]), [(2, 1), 1])).tolist() == [True, True, False]
    for count in (4095, 4096, 2**31):
        assert np.isfinite(one_rank(np.full((3, 1), 1e300), [1], count)).all()


@pytest.mark.parametrize("count", [2**power for power in range(1, 60, 3)])
def test_the_upper_end_of_the_range(count: int) -> None:
    tops = [2.0**e * f for e in range(956, 1024) for f in (1, 1 + 2**-52)]
    rows = np.array([tops, [-0.3 * top for top in tops]])
    expected = bits(oracle(rows, [1] * len(tops), count))
    for _ in every_arithmetic():
        assert bits(one_rank(rows, [1] * len(tops), count)) == expected


@pytest.mark.parametrize("C", [1, 2, 2047, 2048, 4095, 4096, 5000])
def test_no_overflow_with_the_largest_terms_all_alike(C: int) -> None:
    """They round up to the largest multiple there is, in the first row and in the one far below. On as many ranks, too,
    or on a few where one more or less is what matters."""
    term, parts = np.nextafter(16.0, 0) * np.array([[1, -1, 2.0**-16, -(2.0**-48)]]), [(4, 1)]
    expected, terms = bits(oracle(term, parts, C, [C])), np.repeat(term, C, 0)
    for arithmetic in every_arithmetic():
        assert bits(one_rank(terms, parts)) == expected
        first = ExactSum(OneRank(), parts, 0, C)
        as_many = C in (1, 2) or (C, arithmetic) == (2047, "off")
        shares = np.array_split(terms, C if as_many else 30)
        sums = [first.like(len(share)) for share in shares]
        assert bits(over_simulated_ranks(sums, shares, np.random.default_rng(C))) == expected
