"""Weights of classes."""

from __future__ import annotations

import numpy as np
import pytest
from tables import assembled, words
from threaded_ranks import on_ranks

from distnn.data.class_weights import factors
from distnn.data.classes import Classes
from distnn.errors import UserError
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks


def test_balanced_classes_weigh_the_same() -> None:
    X, Y = words(90)
    held = np.array([np.count_nonzero(name == Y) for name in np.unique(Y)])
    assert len(set(held)) > 1
    by_hand = assembled(OneRank(), X, Y, (90 / (3 * held))[np.unique(Y, return_inverse=True)[1]])

    def work(ranks: Ranks) -> tuple[list[float], float, float]:
        assembly = assembled(ranks, X, Y, counts=[90 // ranks.size] * ranks.size, class_weights=("balanced",))
        w = assembly.model.network.w
        return assembly.objective(w).G.tolist(), assembly.objective.error(w), assembly.examples.n

    for size in (1, 3):
        for G, E, n in on_ranks(size, work):
            expected = by_hand.objective(by_hand.model.network.w)
            np.testing.assert_allclose(G, expected.G, rtol=1e-12, atol=1e-15)
            assert pytest.approx(expected.E, rel=1e-13) == E
            assert n == pytest.approx(by_hand.examples.n)


def test_a_table_of_weights() -> None:
    classes, none = Classes(("a", "b=c", "d"), "softmax"), Cut(0, 1, 0)
    assert factors(["b=c=2.5", "a=0.1"], classes, [], none, OneRank()).tolist() == [0.1, 2.5, 1]
    for wanted, sentence in [
        (["a=0"], "--class-weights a=0: give balanced alone, or CLASS=WEIGHT with a weight above 0"),
        (["balanced", "a=1"], "--class-weights balanced: give balanced alone"),
        (["q=1"], "there is no class 'q'; the classes are a, b=c, d"),
    ]:
        with pytest.raises(UserError, match=sentence):
            factors(wanted, classes, [], none, OneRank())
    X, _ = words(20)
    with pytest.raises(UserError, match="--class-weights needs a target of classes"):
        assembled(OneRank(), X, X[:, 0], class_weights=("balanced",))
