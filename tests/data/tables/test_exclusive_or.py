"""The built-in exclusive-or of the lecture."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sources import (
    is_word,
    quick,
)

from distnn.data.tables import open_source
from distnn.data.tables.exclusive_or import H1, H2, ExclusiveOr
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def test_exclusive_or_is_the_lectures_picture() -> None:
    source = open_source(None, OneRank(), seed=3, n=2000)
    assert (source.path, source.n, source.columns) == ("the built-in exclusive-or", 2000, ("x1", "x2", "y"))
    assert source.default_targets() == (2,) and not is_word(source, 2)
    rows, _ = source.read(0, 2000, [0, 1, 2])

    def sign(w: tuple[float, ...], x1: float, x2: float) -> bool:
        return w[0] + w[1] * x1 + w[2] * x2 >= 0

    for x1, x2, y in rows.tolist():
        h1, h2 = sign(H1, x1, x2), sign(H2, x1, x2)
        assert y == (1 if (h1 and not h2) or (not h1 and h2) else -1)
    assert 0.4 < np.mean(rows[:, 2] > 0) < 0.6
    quarters = [np.mean((rows[:, 0] > 0) == a) for a in (True, False)]
    assert all(0.45 < share < 0.55 for share in quarters)
    assert abs(rows[:, :2]).max() <= 1 and abs(rows[:, :2]).max() > 0.99
    # The same numbers as NumPy's own generator makes of this stream.
    draws = np.random.Generator(np.random.Philox(key=3)).random((2000, 2))
    np.testing.assert_array_equal(rows[:, :2], 2 * draws - 1)


@quick
@given(seed=st.integers(0, 2**64 - 1), cuts=st.lists(st.integers(0, 50)))
def test_exclusive_or_rows_depend_on_seed_and_number_only(seed: int, cuts: list[int]) -> None:
    whole = ExclusiveOr(50, seed).read(0, 50, [2, 0, 1])[0]
    cuts = sorted({0, *cuts, 50})
    larger = ExclusiveOr(10**12, seed)
    parts = [larger.read(a, b, [2, 0, 1])[0] for a, b in pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(ExclusiveOr(50, (seed + 1) % 2**64).read(0, 50, [2, 0, 1])[0], whole)
    assert larger.read(10**12 - 1, 10**12, [0])[0].shape == (1, 1)


@pytest.mark.parametrize(("n", "seed", "sentence"), [(0, 0, "at least one row, not 0"), (5, -1, "needs a seed from 0")])
def test_exclusive_or_needs_rows_and_a_seed(n: int, seed: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        open_source(None, OneRank(), n=n, seed=seed)
