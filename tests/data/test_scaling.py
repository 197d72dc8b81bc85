"""Standardisation against exact arithmetic, whatever the offsets, magnitudes and weights."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.scaling import Scaling, measure, shift_columns
from distnn.parallel.ranks import OneRank, Ranks


def exact(column: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Mean and deviation of the population, in fractions."""
    values = [Fraction(v) for v in column.tolist()]
    shares = [Fraction(v) for v in (np.ones(len(column)) if weights is None else weights).tolist()]
    mean = sum(v * w for v, w in zip(values, shares, strict=True)) / sum(shares)
    variance = sum((v - mean) ** 2 * w for v, w in zip(values, shares, strict=True)) / sum(shares)
    scale = Fraction(2) ** int(np.frexp(np.abs(column).max())[1])  # the squares of 1e200 are beyond float64
    return float(mean), math.sqrt(variance / scale**2) * float(scale)


def measured(
    table: np.ndarray, weights: np.ndarray | None, ranks: Ranks, dtype: type = np.float64, rows: int = 4
) -> Scaling:
    """The scaling of a table cut into blocks of `rows`, of which the ranks own equal parts."""
    count = -(-len(table) // rows)
    own = range(count * ranks.rank // ranks.size, count * (ranks.rank + 1) // ranks.size)
    shift = table[0].copy()
    parts = [
        (
            (table[j * rows : (j + 1) * rows] - shift).T.astype(dtype),
            None if weights is None else weights[j * rows : (j + 1) * rows],
        )
        for j in own
    ]
    return measure(shift, parts, ranks, count)


def columns(n: int) -> np.ndarray:
    generator = np.random.default_rng(n)
    z = generator.normal(size=(n, 6))
    return z * [1, 1e-3, 1e200, 1e-200, 1e-6, 1] + [0, 1e9, 0, 0, -5, 3]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [2, 3, 50])
def test_mean_and_deviation(n: int, weighted: bool) -> None:
    table, weights = columns(n), np.random.default_rng(0).random(n) if weighted else None
    scaling = measured(table, weights, OneRank())
    for j in range(table.shape[1]):
        mean, deviation = exact(table[:, j] - table[0, j], weights)
        assert scaling.mean[j] == pytest.approx(mean, rel=1e-12, abs=1e-13 * deviation)
        assert scaling.deviation[j] == pytest.approx(deviation, rel=1e-11)
    assert not scaling.constant.any()


@pytest.mark.parametrize("size", [2, 3, 7, 20])
def test_the_same_bits_on_every_number_of_ranks(size: int) -> None:
    table, weights = columns(50), np.random.default_rng(0).random(50)
    expected = measured(table, weights, OneRank())
    for scaling in on_ranks(size, lambda ranks: measured(table, weights, ranks)):
        for field in ("shift", "mean", "deviation"):
            np.testing.assert_array_equal(getattr(scaling, field), getattr(expected, field))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_standardise_and_undo(dtype: type) -> None:
    table = np.delete(columns(40), [2, 3], axis=1)  # of magnitudes that float32 has
    scaling = measured(table, None, OneRank(), dtype)
    z = np.empty((4, 40), dtype)
    shift_columns(table, scaling.shift, z)
    scaling.standardise(z)
    assert z.dtype == dtype
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(z.mean(axis=1, dtype=float), 0, atol=100 * eps)
    np.testing.assert_allclose(z.std(axis=1, dtype=float), 1, rtol=100 * eps)
    for j in range(4):
        shifted = table[:, j] - table[0, j]
        mean, deviation = exact(shifted, None)
        np.testing.assert_allclose(z[j], (shifted - mean) / deviation, rtol=0, atol=30 * eps)
    np.testing.assert_allclose(scaling.undo(z).T, table, rtol=10 * eps, atol=10 * eps)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3, -7.0])
def test_constant_columns_are_not_divided_by_zero(value: float) -> None:
    table = np.column_stack([np.full(31, value), np.arange(31.0)])
    scaling = measured(table, None, OneRank())
    assert scaling.constant.tolist() == [True, False]
    z = np.empty((2, 31))
    shift_columns(table, scaling.shift, z)
    scaling.standardise(z)
    assert not z[0].any()


def test_a_constant_column_with_another_value_in_row_0() -> None:
    """Row 0 may be held out: the rest is constant, but not equal to the shift, and its mean is rounded."""
    column = np.full((1, 30), 0.1) - 0.7
    for seed in range(20):
        weights = np.random.default_rng(seed).random(30)
        assert measure(np.array([0.7]), [(column, weights)], OneRank(), 1).constant.tolist() == [True]


def test_columns_at_the_end_of_float64() -> None:
    column = np.array([0.0, 1.0, 0.5, 1.0]) * 2.0**1023
    scaling = measured(column[:, None], None, OneRank(), rows=2)
    mean, deviation = 0.625 * 2.0**1023, math.sqrt(0.171875) * 2.0**1023  # of 0, 1, 1/2, 1
    np.testing.assert_allclose([scaling.mean[0], scaling.deviation[0]], [mean, deviation], rtol=1e-15)


def test_relative_to_another_table() -> None:
    """a z + b is what the one makes of a value that the other has made z of, constant columns included."""
    here, there = columns(40), columns(23) * 3 + 1
    here[:, 5] = 4.0
    was, now = measured(here, None, OneRank()), measured(there, None, OneRank())
    z, expected = np.empty((2, 6, 23))
    for scaling, out in ((now, z), (was, expected)):
        shift_columns(there, scaling.shift, out)
        scaling.standardise(out)
    a, b = was.relative_to(now)
    np.testing.assert_allclose(a[:, None] * z + b[:, None], expected, rtol=1e-12, atol=1e-12)

    a, b = was.relative_to(was)
    assert (a == 1).all()
    assert (b == 0).all()


def test_identity() -> None:
    scaling = Scaling.identity(2)
    assert scaling.is_identity
    table, z = np.array([[1.5, -2.0]]), np.empty((2, 1))
    shift_columns(table, scaling.shift, z)
    scaling.standardise(z)
    np.testing.assert_array_equal(z.T, table)
    np.testing.assert_array_equal(scaling.undo(z).T, table)
