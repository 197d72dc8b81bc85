"""From a table to classes: words, numbers or columns become outputs, with weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loaded_tables import columns, loaded
from tables import assembled, regression, words
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.data.classes import Classes
from distnn.data.columns import Columns
from distnn.data.loading import Recipe, load
from distnn.data.sampling import held_out
from distnn.data.tables import ArraySource
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank


@pytest.mark.parametrize("output", ["softmax", "tanh", "logistic"])
@pytest.mark.parametrize("K", [2, 3])
def test_classes_become_outputs(K: int, output: str) -> None:
    X, Y = words(40, K)
    error = "squared" if output == "tanh" else "cross-entropy"
    assembly = assembled(OneRank(), X, Y, output_theta=output, error=error)
    _, y = columns(assembly)
    names = sorted(set(Y.tolist()))
    low = -1.0 if output == "tanh" else 0.0
    one_hot = np.where(Y[:, None] == np.array(names), 1.0, low)
    np.testing.assert_array_equal(y, one_hot[:, 1:] if K == 2 and output != "softmax" else one_hot)
    classes = assembly.model.preparation.classes
    assert classes is not None
    assert [classes.names[code] for code in classes.decode(y.T)] == Y.tolist()
    assert all(block.weights is None for block in assembly.examples.blocks)
    assert assembly.model.network.d[-1] == classes.width == y.shape[1]


def test_numbers_as_classes() -> None:
    X, _ = words(12)
    Y = np.array([10, 2, -1, 2.5] * 3)
    assembly = assembled(OneRank(), X, Y, classes=True)
    assert assembly.model.preparation.classes is not None
    assert assembly.model.preparation.classes.names == ("-1", "2", "2.5", "10")
    assert assembly.model.error == "cross-entropy"


def test_classes_of_other_ranks_and_of_held_out_rows_are_known() -> None:
    X = np.arange(8.0)[:, None]
    Y = np.array(["b", "b", "b", "b", "b", "b", "b", "a"])
    for counts in ([4, 4], [7, 1], [0, 8], [1, 0, 7]):
        for assembly in on_ranks(len(counts), lambda ranks, counts=counts: assembled(ranks, X, Y, counts=counts)):
            assert assembly.model.preparation.classes == Classes(("a", "b"), "softmax")
    seed = next(seed for seed in range(99) if (out := held_out(seed, 0.4, np.arange(8)))[7] and out.sum() < 5)
    found = assembled(OneRank(), X, Y, validation=0.4, seed=seed).model.preparation.classes
    assert found is not None
    assert found.names == ("a", "b")


def test_classes_by_columns() -> None:
    """One of several targets is 1. Those that never are, are no classes; the others keep their order."""
    X, _ = regression(6)
    Y = np.array([[0, 0, 1], [1, 0, 0]] * 3)
    for output, error in (("softmax", "cross-entropy"), ("tanh", "squared")):
        options = {"classes": True, "output_theta": output, "error": error}
        assert assembled(OneRank(), X, Y, **options).model.preparation.classes == Classes(("y1", "y3"), output)
    recipe = Recipe(Columns((0, 1, 2), (5, 3), classes=True), "softmax")
    found, _, _ = loaded(OneRank(), X, Y, None, recipe, Cut(6, 6, 1))
    assert found.classes == Classes(("y3", "y1"), "softmax")


@pytest.mark.parametrize(
    ("Y", "says", "kind"),
    [
        (np.array([1, 2, 1]), "integers", "integers"),
        (np.array([1.0, 2.5, 1.0]), "numbers", "numbers"),
        (np.array([True, False, True]), "booleans", "booleans"),
        (np.array(["1", "2", "1"]), None, "integers"),
        (np.array(["a", "2", "1"]), None, "words"),
    ],
)
def test_labels_are_of_the_kind_that_the_table_says_or_shows(Y: Any, says: Any, kind: str) -> None:
    X, _ = regression(3)

    class Told(ArraySource):
        typed = says is not None

        def kind(self, column: int) -> Any:
            return says if column == 3 else super().kind(column)

    recipe = Recipe(Columns((0, 1, 2), (3,), classes=True), "softmax")
    preparation, examples = load(Told(X, Y, None, OneRank()), recipe, Cut(3, 3, 1), "float64", OneRank())
    assert preparation.classes is not None and preparation.classes.kind == kind
    assert not examples.hints.binary  # which is said of numbers alone


def test_many_classes_that_are_numbers() -> None:
    X, _ = regression(120)
    Y = np.arange(120) % 60

    def classes(asked: bool) -> Classes | None:
        source = ArraySource(X, Y, None, OneRank())
        recipe = Recipe(Columns((0, 1, 2), (3,), classes=True), "softmax", classes_asked=asked)
        return load(source, recipe, Cut(120, 120, 1), "float64", OneRank())[0].classes

    with pytest.raises(UserError, match=r"^the arrays: the target y would have 60 classes, and nearly all are numbers"):
        classes(False)
    found = classes(True)
    assert found is not None and len(found.names) == 60


def test_weights_of_classes() -> None:
    X, _ = regression(20)
    Y = np.array(["a", "b", "b", "b"] * 5)
    recipe = Recipe(Columns((0, 1, 2), (3,), classes=True), "softmax", validation=0.3, class_weights=("a=3",))
    preparation, examples = load(ArraySource(X, Y, None, OneRank()), recipe, Cut(20, 20, 1), "float64", OneRank())
    assert preparation.classes is not None and preparation.classes.weights == (3, 1)
    for block in (*examples.blocks, *examples.validation):
        assert block.weights is not None
        weights = block.weights / block.weights[block.y[1] == 1][0]
        np.testing.assert_array_equal(weights, np.where(block.y[0] == 1, 3, 1))


@pytest.mark.parametrize("size", [1, 3])
def test_balanced_classes(size: int) -> None:
    """Of the rows trained on, each class has the same weight over all ranks."""
    X, _ = regression(40)
    Y, weights = np.array(["a", "b", "b", "c"] * 10), np.random.default_rng(3).uniform(0.5, 1, 40)
    recipe = Recipe(Columns((0, 1, 2), (3,), 4, classes=True), "softmax", validation=0.3, class_weights=("balanced",))
    found = on_ranks(size, lambda ranks: loaded(ranks, X, Y, weights, recipe, Cut(40, 5, 8)))
    for name, mask in (("blocks", ~held_out(0, 0.3, np.arange(40))), ("validation", held_out(0, 0.3, np.arange(40)))):
        held = np.concatenate([block.weights for _, examples, _ in found for block in getattr(examples, name)])
        trained = ~held_out(0, 0.3, np.arange(40))
        factors = {word: 1 / weights[trained & (word == Y)].sum() for word in "abc"}
        expected = weights[mask] * [factors[word] for word in Y[mask]]
        np.testing.assert_allclose(held / held[0], expected / expected[0], rtol=1e-12)
