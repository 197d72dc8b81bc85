"""Rows dealt to folds: balanced, whole groups, and the same on any number of ranks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.data.columns import Columns
from distnn.data.folds import NONE, Lot, deal
from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks

N = 211
SITES = np.random.default_rng(1).integers(0, 23, N)
KINDS = np.array(["a", "b", "c"])[np.random.default_rng(0).choice(3, N, p=[0.7, 0.2, 0.1])]
NUMBERS = Columns((0,), (2,))
CLASSES = replace(NUMBERS, classes=True)


def dealt(
    lot: Lot, columns: Columns, targets: np.ndarray, weights: np.ndarray | None = None, size: int = 1
) -> list[int]:
    """The fold of every row."""
    X = np.column_stack([np.arange(N), SITES])
    cut = Cut(N, 32, -(-N // 32))

    def on_rank(ranks: Ranks) -> list[int]:
        own = np.array_split(np.arange(N), ranks.size)[ranks.rank]
        source = ArraySource(X[own], targets[own], None if weights is None else weights[own], ranks)
        source.prepare(*cut.rows_owned(ranks.rank, ranks.size))
        return deal(lot, source, columns, cut, ranks).of_all(ranks).numbers.tolist()

    found = on_ranks(size, on_rank) if size > 1 else [on_rank(OneRank())]
    assert all(other == found[0] for other in found)
    return found[0]


def test_folds_have_the_same_number_of_rows_and_are_shuffled_by_the_seed() -> None:
    y = np.arange(N) % 7.0
    found = dealt(Lot(5, 0, 3), NUMBERS, y)
    counts = Counter(found)
    assert sorted(counts) == list(range(5)) and max(counts.values()) - min(counts.values()) <= 1
    assert found != sorted(found) and found != [number % 5 for number in range(N)]
    assert found != dealt(Lot(5, 0, 4), NUMBERS, y)
    assert found == dealt(Lot(5, 2, 3), NUMBERS, y)  # whichever of them is meant


def test_each_fold_has_its_share_of_each_class() -> None:
    found = dealt(Lot(4, 0, 0), CLASSES, KINDS)
    for name in "abc":
        counts = [
            sum(1 for fold, kind in zip(found, KINDS, strict=True) if (fold, kind) == (k, name)) for k in range(4)
        ]
        assert max(counts) - min(counts) <= 1
    assert max(Counter(found).values()) - min(Counter(found).values()) <= 1


def test_groups_stay_together_in_folds_of_about_one_size() -> None:
    found = np.array(dealt(Lot(4, 0, 0, "1"), NUMBERS, np.arange(N) % 7.0))
    for site in np.unique(SITES):
        assert len(set(found[site == SITES])) == 1
    sizes = np.bincount(found)
    assert sizes.max() - sizes.min() <= max(Counter(SITES.tolist()).values())
    assert found.tolist() != dealt(Lot(4, 0, 1, "1"), NUMBERS, np.arange(N) % 7.0)


@pytest.mark.parametrize(("lot", "columns"), [(Lot(4, 0, 0), CLASSES), (Lot(3, 0, 0, "1"), CLASSES)])
def test_folds_do_not_depend_on_the_number_of_ranks(lot: Lot, columns: Columns) -> None:
    assert dealt(lot, columns, KINDS) == dealt(lot, columns, KINDS, size=2) == dealt(lot, columns, KINDS, size=5)


def test_rows_that_do_not_count_are_in_no_fold_and_leave_the_others_balanced() -> None:
    weights = (np.arange(N) % 3 > 0).astype(float)
    found = np.array(dealt(Lot(5, 0, 0), replace(NUMBERS, weight=3), np.arange(N) % 7.0, weights))
    assert ((found == NONE) == (weights == 0)).all()
    sizes = np.bincount(found[found >= 0])
    assert sizes.max() - sizes.min() <= 1


def test_what_cannot_be_dealt_is_refused() -> None:
    y = np.arange(N) % 7.0
    few = np.where(np.arange(N) < 3, "rare", KINDS)
    with pytest.raises(UserError, match="211 rows are too few for --folds 212"):
        dealt(Lot(212, 0, 0), NUMBERS, y)
    with pytest.raises(UserError, match=r"3 rows are of class 'rare', .* --folds 4 .*: give --folds 3"):
        dealt(Lot(4, 0, 0), CLASSES, few)
    with pytest.raises(UserError, match=r"column 1 \(--folds-by\) has 23 different values, too few for --folds 30"):
        dealt(Lot(30, 0, 0, "1"), NUMBERS, y)
    with pytest.raises(UserError, match="all rows of class 'alone' are in fold"):
        dealt(Lot(4, 0, 0, "1"), CLASSES, np.where(SITES == 4, "alone", "other"))
