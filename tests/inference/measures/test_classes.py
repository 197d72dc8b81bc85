"""Scores of classes: scikit-learn's, also where classes are missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from distnn.data.classes import Classes
from distnn.data.rows import Rows
from distnn.inference.measures import Seen
from distnn.inference.measures.classes import SCORES, Confusion, output_of, scores


@pytest.mark.parametrize("there", [range(5), (0, 1, 3)])  # all classes are there, or some neither there nor predicted
@pytest.mark.parametrize("weighted", [False, True])
def test_precision_recall_and_f1(weighted: bool, there: Sequence[int]) -> None:
    generator = np.random.default_rng(0)
    true, guess = generator.choice(list(there), (2, 400))
    guess = np.where(guess == 1, 0, guess)  # one class is never predicted
    weights = generator.random(400) if weighted else np.ones(400)
    found, means = scores(confusion_matrix(true, guess, labels=range(5), sample_weight=weights))
    expected = precision_recall_fscore_support(true, guess, labels=range(5), sample_weight=weights, zero_division=0)
    np.testing.assert_allclose(found, np.stack(expected[:3], axis=1), rtol=1e-12)
    for name in ("macro", "weighted"):
        mean = precision_recall_fscore_support(true, guess, average=name, sample_weight=weights, zero_division=0)
        assert list(means[name].values()) == pytest.approx(mean[:3], rel=1e-12)
        assert tuple(means[name]) == SCORES


@pytest.mark.parametrize(
    ("K", "output", "probable"),
    [(2, "logistic", True), (2, "softmax", True), (4, "softmax", True), (4, "logistic", False), (2, "tanh", False)],
)
def test_log_loss(K: int, output: str, probable: bool) -> None:
    classes = Classes(tuple("abcd"[:K]), output)
    generator = np.random.default_rng(1)
    true, weights = generator.integers(0, K, 300), generator.random(300)
    p = generator.dirichlet(np.ones(K), 300).T
    p[:, :9] = np.eye(K)[:, :1]  # certain, and now right, now wrong
    assert len(set(true[:9].tolist())) > 1
    measure = Confusion(classes, weighted=True)
    out = np.zeros(sum(measure.sizes))
    outputs, y = p if classes.width > 1 else p[1:], classes.encode(true, np.float64)
    measure.write(Seen(Rows.of_inputs(np.zeros((300, 1))), y, outputs, weights), out)
    found = measure.result(out, float(weights.sum()), 0)["log_loss"]
    assert (found is not None) == probable
    if probable:
        assert found == pytest.approx(log_loss(true, p.T, sample_weight=weights, labels=range(K)), rel=1e-12)


def test_the_output_of_a_class() -> None:
    one = Classes(("no", "yes"), "tanh")
    np.testing.assert_array_equal(output_of(one, np.array([[0.5, 0.5]]), np.array([0, 1])), [-0.5, 0.5])
    several = Classes(("a", "b", "c"), "softmax")
    np.testing.assert_array_equal(output_of(several, np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([2, 0])), [5, 2])
