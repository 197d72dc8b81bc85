"""The area under the ROC curve: scikit-learn's, the same bits for any number of ranks, and exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from threaded_ranks import on_ranks

from distnn.inference.measures import auc
from distnn.inference.measures.auc import area
from distnn.parallel.ranks import OneRank, Ranks

N = 3001


def case(ties: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, of which there are about `ties` different ones, 0: all; classes that go with them; weights below 2^20."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=N)
    positive = generator.random(N) < 1 / (1 + np.exp(-scores))
    if ties:
        scores = np.round(scores * ties / 6)
    return scores, positive, generator.integers(1, 1 << 20, N).astype(np.uint64)


def dealt(size: int, n: int) -> list[np.ndarray]:
    """The numbers of n rows, in uneven shares of so many ranks, some without any where these are many."""
    return np.split(np.arange(n), np.sort(np.random.default_rng(size).integers(0, n + 1, size - 1)))


def on(size: int, scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float | None:
    """The area that `size` ranks find, with uneven shares of the rows; all the same."""
    shares = dealt(size, len(scores))

    def work(ranks: Ranks) -> float | None:
        mine = shares[ranks.rank]
        return area(scores[mine], positive[mine], weights[mine], ranks)

    found = on_ranks(size, work)
    assert len(set(found)) == 1
    return found[0]


@pytest.mark.parametrize("at_once", [1 << 22, 100])
@pytest.mark.parametrize("ties", [0, 1000, 30, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_finds_the_same(weighted: bool, ties: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auc, "ROUND", at_once)
    scores, positive, weights = case(ties)
    weights = weights if weighted else np.ones(N, np.uint64)
    found = on(1, scores, positive, weights)
    assert found == pytest.approx(roc_auc_score(positive, scores, sample_weight=weights), rel=1e-12)
    assert {on(size, scores, positive, weights) for size in (2, 5)} == {found}


def test_more_ranks_than_rows() -> None:
    few = tuple(values[:9] for values in case(4))
    assert on(20, *few) == on(1, *few)


@pytest.mark.parametrize("shares", ["equal", "in order", "uneven", "one rank has all"])
def test_ranks_have_about_as_much_to_compare(shares: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they have more or fewer rows, or all the same; and each gets O(P) samples, not O(P²)."""
    size, n, samples = 12, 6000, 4
    monkeypatch.setattr(auc, "SAMPLES", samples)
    scores = np.tile(np.linspace(-1, 1, n // size), size)  # of the same distribution on each rank
    parts = dealt(size, n) if shares == "uneven" else np.split(np.arange(n), size)
    if shares in ("in order", "one rank has all"):
        scores = np.linspace(-1, 1, n)
    if shares == "one rank has all":
        parts = [np.arange(n), *(size - 1) * [np.arange(0)]]

    def work(ranks: Ranks) -> tuple[int, int]:
        exchange, gather, seen = ranks.exchange, ranks.gather, [0, 0]

        def received(of_others: Any) -> Any:
            found = exchange(of_others)
            seen[0] += sum(len(scores) for scores, *_ in found)
            return found

        def sampled(value: np.ndarray) -> Any:
            found = gather(value)
            seen[1] += sum(map(len, found))
            return found

        monkeypatch.setattr(ranks, "exchange", received)
        monkeypatch.setattr(ranks, "gather", sampled)
        mine = parts[ranks.rank]
        area(scores[mine], scores[mine] > 0, np.ones(len(mine), np.uint64), ranks)
        return seen[0], seen[1]

    found = on_ranks(size, work)
    assert max(rows for rows, _ in found) <= 2 * n / size
    assert {total for _, total in found} <= set(range((samples + 1) * size + 1))


def test_it_is_exact() -> None:
    """To the last bit the fraction of all pairs, also of weights whose products no float64 holds."""
    scores, positive, weights = (values[:200] for values in case(20))
    weights = weights << np.uint64(33)
    ours, others = np.flatnonzero(positive).tolist(), np.flatnonzero(~positive).tolist()
    w = [int(weight) for weight in weights]
    pairs = sum(w[i] * w[j] * (int(scores[i] > scores[j]) + int(scores[i] >= scores[j])) for i in ours for j in others)
    expected = Fraction(pairs, 2 * sum(w[i] for i in ours) * sum(w[j] for j in others))
    assert on(1, scores, positive, weights) == on(3, scores, positive, weights) == float(expected)


@pytest.mark.parametrize("size", [1, 3])
def test_where_there_is_none(size: int) -> None:
    scores, positive, weights = case(30)
    assert on(size, scores, positive | True, weights) is None
    assert on(size, scores, positive & False, weights) is None
    assert on(size, scores[:0], positive[:0], weights[:0]) is None
    scores[5] = np.nan
    assert on(size, scores, positive, weights) is None


def test_the_order_of_rows_does_not_matter() -> None:
    scores, positive, weights = case(100)
    order = np.random.default_rng(1).permutation(N)
    assert area(scores[order], positive[order], weights[order], OneRank()) == on(1, scores, positive, weights)
