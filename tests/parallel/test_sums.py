"""What every way to sum has to do: parts of all shapes, a tail, one sum after another, the same for other ranks."""

from __future__ import annotations

import numpy as np
import pytest
from sums import bits, one_rank, term_of

from distnn.errors import UserError
from distnn.parallel import layout, reduction
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import REDUCTIONS, ExactSum, PlainSum

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("size", [1, 2, 301])
def test_the_tail_of_a_term_is_float64(dtype: type, kept: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the range of float32, and in all its digits; as if it were a part of float64 terms."""
    monkeypatch.setattr(reduction, "KEPT_BYTES", kept)
    generator = np.random.default_rng(6)
    monkeypatch.setattr(layout, "CHUNK", 100)
    sums, plain = (kind(OneRank(), [size], 3, 3, dtype, tail=True) for kind in (ExactSum, PlainSum))
    for scale in (1e-200, 1.0, 1e200, 1e200):
        rows, tails = generator.normal(size=(3, size)).astype(dtype), generator.uniform(1, 2, 3) * scale
        expected = one_rank(np.column_stack([rows.astype(np.float64), tails]), [size, 1])
        assert bits(sums(term_of(rows, tails))) == bits(expected)
        assert bits(sums.like(3)(term_of(rows, tails))) == bits(expected)
        found = plain(term_of(rows, tails))
        assert bits(plain.like(3)(term_of(rows, tails))) == bits(found)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("tail", [False, True])
def test_one_sum_after_another(name: str, tail: bool) -> None:
    """Each in memory of its own, nothing of the last one in it; and of other ranks, which have other terms."""
    rows, tails = np.arange(1.0, 25).reshape(3, 8), np.array([0.5, 1.5, 4])
    sums = REDUCTIONS[name](OneRank(), [1, (2, 3), 1], 3, 4, np.float32, tail)
    assert sums.error is None and sums.local == 3
    term = term_of(rows, tails if tail else None)
    expected = [*rows.sum(axis=0), *[6.0] * tail]
    first = sums(term)
    assert sums(term).tolist() == first.tolist() == expected

    def fails(j: int, out: np.ndarray) -> None:
        raise UserError(f"term {j}")

    with pytest.raises(UserError, match="term 0"):
        sums(fails)
    assert sums(term).tolist() == expected
    other = sums.like(1)
    assert other.local == 1 and sums.local == 3
    assert other(term).tolist() == [*rows[0], *[0.5] * tail]
    assert sums(term).tolist() == expected


def test_plain_sum_adds_in_order() -> None:
    rows = np.random.default_rng(4).normal(size=(50, 3))
    expected = np.zeros(3)
    for row in rows:
        expected += row
    assert bits(PlainSum(OneRank(), [2, 1], 50, 50)(term_of(rows))) == bits(expected)
    rows[7] = [np.nan, np.inf, 1]
    found = PlainSum(OneRank(), [2, 1], 50, 50)(term_of(rows))
    assert np.isnan(found[0]) and np.isinf(found[1]) and np.isfinite(found[2])


def test_terms_have_as_many_bits_as_never_overflow() -> None:
    found = {count: ExactSum(OneRank(), [1], 0, count).bits for count in (0, 1, 4095, 4096, 8191, 8192, 2**40)}
    assert found == {0: 51, 1: 51, 4095: 51, 4096: 50, 8191: 50, 8192: 49, 2**40: 22}


@pytest.mark.parametrize(("dtype", "width"), [("float64", 6), ("float32", 4)])
def test_terms_are_kept_where_they_fit(dtype: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for room, kept in ((8 * width * 3, True), (8 * width * 3 - 1, False)):
        monkeypatch.setattr(reduction, "KEPT_BYTES", room)
        made = ExactSum(OneRank(), [5], 3, 3, dtype, tail=True)
        assert made.keep is kept and made.terms.shape == (3 if kept else 1, width)
    for local in (0, 1):
        assert ExactSum(OneRank(), [5], local, 3, dtype, tail=True).terms.shape == (1, width)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_terms_are_written_to_and_ranks_are_sent(name: str, tail: bool, dtype: type) -> None:
    """By a sum and by others like it: numbers of the dtype; two more in each message, for what ranks agree on."""
    sums = REDUCTIONS[name](OneRank(), [1, (2, 3), 1], 2, 7, dtype, tail)
    for one in (sums, sums.like(2), sums.like(0).like(2)):
        seen: list[tuple[np.dtype, tuple[int, ...]]] = []

        def term(j: int, out: np.ndarray) -> float | None:
            out[:] = 0.1
            seen.append((out.dtype, out.shape))  # noqa: B023
            return 0.1 if tail else None

        found = one(term)
        assert set(seen) == {(np.dtype(dtype), (8,))}
        assert one.count == 7 and len(one.message) == 2 + (4 + tail if name == "exact" else 0)
        assert found.dtype == np.float64 and found.shape == (8 + tail,)
        np.testing.assert_allclose(found[:8], 2 * float(dtype(0.1)), rtol=1e-14)
        np.testing.assert_allclose(found[8:], 0.2, rtol=1e-14)
