"""From a table to examples: standardised inputs, classes, rows held out, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression, rows_of, words
from threaded_ranks import on_ranks, outcomes

from distnn import UserError
from distnn.data.classes import Classes
from distnn.data.columns import Columns
from distnn.data.encoding import Encoding
from distnn.data.loading import Recipe, load
from distnn.data.preparation import Preparation
from distnn.data.sampling import for_test, held_out
from distnn.data.shard import Examples
from distnn.data.shelf import Room
from distnn.data.tables import ArraySource
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks


def columns(assembly: Any, held: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """All x without the bias, and all y of this rank, a row an example."""
    blocks = assembly.examples.validation if held else assembly.examples.blocks
    return (np.concatenate([part[skip:].T for part in parts]) for parts, skip in (  # type: ignore[return-value]
        ([block.x for block in blocks], 1), ([block.y for block in blocks], 0)))  # fmt: skip


def test_inputs_and_targets_are_standardised() -> None:
    X, Y = regression(200, d=2, m=2)
    x, y = columns(assembled(OneRank(), X, Y))
    np.testing.assert_allclose(x, (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-12)
    np.testing.assert_allclose(y, (Y - Y.mean(axis=0)) / Y.std(axis=0), atol=1e-12)
    assembly = assembled(OneRank(), X, Y, standardise=False, standardise_targets=False)
    for scaling in (assembly.model.preparation.input_scaling, assembly.model.preparation.target_scaling):
        assert scaling is not None and scaling.is_identity
    x, y = columns(assembly)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    _, y = columns(assembled(OneRank(), X, np.tanh(Y - 10), output_theta="tanh"))
    np.testing.assert_array_equal(y, np.tanh(Y - 10))  # a bounded output cannot reach standardised targets


class Recorded(ArraySource):
    """Notes which rows are asked for."""

    def __init__(self, *tables: Any, ranks: Ranks):
        super().__init__(*tables, ranks)
        self.prepared: list[tuple[int, int]] = []
        self.seen: list[tuple[int, int]] = []

    def prepare(self, start: int, stop: int) -> None:
        self.prepared.append((start, stop))
        super().prepare(start, stop)

    def read(self, start: int, stop: int, *rest: Any, **named: Any) -> Any:
        self.seen.append((start, stop))
        return super().read(start, stop, *rest, **named)


class Foreseen(Room):
    """Notes how many bytes are foreseen."""

    foreseen = 0

    def expect(self, size: int) -> None:
        self.foreseen = size
        super().expect(size)


def loaded(
    ranks: Ranks,
    X: Any,
    Y: Any,
    weights: Any,
    recipe: Recipe,
    cut: Cut,
    dtype: str = "float64",
    room: Room | None = None,
) -> tuple[Preparation, Examples, Recorded]:
    """What `load` makes of tables of which each rank passes a part."""
    own = rows_of(ranks.rank, [len(part) for part in np.array_split(np.arange(len(X)), ranks.size)])
    source = Recorded(X[own], Y[own], None if weights is None else weights[own], ranks=ranks)
    return *load(source, recipe, cut, dtype, ranks, room), source


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_blocks_are_what_numpy_makes_of_the_table(size: int, dtype: str) -> None:
    """With weights, some of them 0, in whole blocks, in all of the first rank; rows held out, and a suspect."""
    X, Y = regression(43, m=2)
    weights = np.random.default_rng(2).integers(1, 4, 43).astype(float)
    weights[[*range(17), 21, 30]] = 0
    X[[20, 25, 33], 1] = -999
    X[weights == 0], Y[weights == 0] = 1e20, np.inf
    columns = Columns((0, 1, 2), (3, 4), 5)
    cut, recipe = Cut(43, 5, 9), Recipe(columns, "identity", validation=0.2, seed=4, test=0.2)
    found = on_ranks(size, lambda ranks: loaded(ranks, X, Y, weights, recipe, cut, dtype))
    known, numbers = weights > 0, np.arange(43)
    out, tested = held_out(4, 0.2, numbers) & known, for_test(4, 0.2, numbers) & known
    train = known & ~out & ~tested
    assert train.sum() > 10 and out.any() and tested.any() and train[:30].sum() != out[:30].sum()

    def standardised(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
        mean = np.average(values[train], axis=0, weights=weights[train])
        spread = np.average((values[train] - mean) ** 2, axis=0, weights=weights[train])
        return (values[mask] - mean) / np.sqrt(spread)

    for mask, name in ((train, "blocks"), (out, "validation"), (tested, "test")):
        blocks = [block for _, examples, _ in found for block in getattr(examples, name)]
        assert {array.dtype for block in blocks for array in block} == {np.dtype(dtype)}  # type: ignore[union-attr]
        x, y = (np.concatenate([block[i].T for block in blocks]) for i in (0, 1))  # type: ignore[union-attr]
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_array_equal(x[:, 0], 1)
        np.testing.assert_allclose(x[:, 1:], standardised(X, mask), atol=tolerance)
        np.testing.assert_allclose(y, standardised(Y, mask), atol=tolerance)
        held = np.concatenate([block.weights for block in blocks])  # type: ignore[misc]
        np.testing.assert_array_equal(held, np.ldexp(weights[mask], -4))  # the largest one becomes 3/16
    for rank, (preparation, examples, source) in enumerate(found):
        start, stop = cut.rows_owned(rank, size)
        assert source.prepared == [(start, stop)]
        assert set(source.seen) == {cut.bounds(block) for block in cut.owned(rank, size)}
        assert preparation.input_scaling.shift.tolist() == X[17].tolist()  # the first row that counts
        assert preparation.target_scaling is not None
        assert preparation.target_scaling.shift.tolist() == Y[17].tolist()
        assert (examples.cut, examples.first) == (cut, int(train[:start].sum()))
        assert (examples.rows, examples.validation_rows, examples.test_rows) == (train.sum(), out.sum(), tested.sum())
        n = (examples.n, examples.validation_n, examples.test_n)
        assert n == tuple(weights[mask].sum() / 16 for mask in (train, out, tested))
        assert examples.exponent == -4
        assert examples.hints is not None
        assert examples.hints.suspects == {1: (-999.0, 3)} and not examples.hints.binary


TWO = regression(20, m=2)[1]
ROOMS: dict[str, tuple[Any, Recipe]] = {
    "regression": (TWO, Recipe(Columns((0, 1, 2), (3, 4), 5), "identity", validation=0.3, test=0.3)),
    "without weights": (TWO, Recipe(Columns((0, 1, 2), (3, 4)), "identity")),
    "two classes": (np.array(["a", "b"] * 10), Recipe(Columns((0, 1, 2), (3,), 4, classes=True), "tanh")),
    "words": (
        np.column_stack([np.array(["oak", "pine"] * 10), TWO[:, :1]]).astype(object),
        Recipe(Columns((0, 3), (4,), encodings=(Encoding(), Encoding("words", ("oak", "pine", "ash")))), "identity"),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ROOMS)
def test_as_much_memory_as_was_foreseen(name: str, dtype: str, tmp_path: Path) -> None:
    """And, in a file where there is none, so many bytes as all ranks keep there."""
    (X, _), (Y, recipe) = regression(20), ROOMS[name]
    weights, cut = np.full(20, 0.5), Cut(20, 5, 4)
    room = Foreseen()
    loaded(OneRank(), X, Y, weights, recipe, cut, dtype, room)
    assert room.foreseen == room.memory_used > 0
    rooms = [Foreseen(0, str(tmp_path)) for _ in range(3)]
    for _, examples, _ in on_ranks(
        3, lambda ranks: loaded(ranks, X, Y, weights, recipe, cut, dtype, rooms[ranks.rank])
    ):
        assert examples.in_files == sum(room.file_used for room in rooms) >= sum(room.foreseen for room in rooms) > 0


def test_of_rows_without_weights_the_first_one_alone_is_read_twice() -> None:
    X, Y = regression(22)
    cut, recipe = Cut(22, 5, 5), Recipe(Columns((0, 1, 2), (3,)), "identity")
    for rank, (_, _, source) in enumerate(on_ranks(2, lambda ranks: loaded(ranks, X, Y, None, recipe, cut))):
        start = cut.rows_owned(rank, 2)[0]
        assert source.seen == [(start, start + 1), *map(cut.bounds, cut.owned(rank, 2))]


def test_of_rows_to_leave_out_the_first_that_stays_is_taken_off() -> None:
    X, Y = regression(12)
    X[:7, 1], Y[9] = np.nan, np.nan
    cut, recipe = Cut(12, 5, 3), Recipe(Columns((0, 1, 2), (3,), leave_out=("inputs", "targets")), "identity")
    preparation, examples, _ = loaded(OneRank(), X, Y, None, recipe, cut)
    assert preparation.input_scaling.shift.tolist() == X[7].tolist() and examples.rows == 4
    X[:, 2] = np.nan
    with pytest.raises(UserError, match=r"^the arrays: a value is missing in each row: --impute median fills them in"):
        loaded(OneRank(), X, Y, None, recipe, cut)


@pytest.mark.parametrize("size", [1, 3])
def test_weights_that_leave_one_row_to_count(size: int) -> None:
    X, Y = regression(9)
    cut, weights = Cut(9, 3, 3), np.full(9, 2.0**-1000)
    weights[4] = 2.0**1000
    recipe = Recipe(Columns((0, 1, 2), (3,), 4), "identity")
    for Z, sentence in (
        (Y, "beside the largest weights .* in the rows that do, the target"),
        (Y * 0 + 3, "the target"),
    ):
        with pytest.raises(UserError, match=f"^the arrays: {sentence} column y is constant"):
            on_ranks(size, lambda ranks, Z=Z: loaded(ranks, X, Z, weights, recipe, cut))


def test_a_single_row() -> None:
    """It is enough to hold out; to train on, it says nothing. And n may be 1."""
    X, Y = regression(6)
    seeds = {(~held_out(seed, 0.5, np.arange(6))).sum(): seed for seed in range(200)}
    assert assembled(OneRank(), X, Y, validation=0.5, seed=seeds[5]).examples.validation_rows == 1
    with pytest.raises(UserError, match=r"^the arrays: the target column y is constant"):
        assembled(OneRank(), X, Y, validation=0.5, seed=seeds[1])
    assert assembled(OneRank(), X[:2], Y[:2], np.full(2, 0.5)).examples.n == 1


def test_shares_that_leave_no_rows() -> None:
    X, Y = regression(9)
    columns = Columns((0, 1, 2), (3,))
    few, one = (next(s for s in range(99) if for_test(s, 0.1, np.arange(9)).sum() == rows) for rows in (0, 1))
    shares: list[tuple[dict[str, Any], str]] = [
        ({"validation": 0.9999}, r"no row is left to train on: lower --validation 0\.9999\."),
        ({"test": 0.9999}, r"no row is left to train on: lower --test 0\.9999\."),
        ({"validation": 0.5, "test": 0.5}, r"no row is left to train on: lower --validation 0\.5 or --test 0\.5\."),
        ({"test": 0.1, "seed": few}, r"no row of 9 is kept for the test: raise --test 0\.1\."),
    ]
    for share, sentence in shares:
        with pytest.raises(UserError, match=f"^the arrays: {sentence}$"):
            loaded(OneRank(), X, Y, None, Recipe(columns, "identity", **share), Cut(9, 5, 2))
    recipe = Recipe(columns, "identity", test=0.1, seed=one)
    assert loaded(OneRank(), X, Y, None, recipe, Cut(9, 5, 2))[1].test_rows == 1


def test_weights_that_vanish_beside_those_of_rows_held_out() -> None:
    X, Y = regression(30)
    weights = np.where(held_out(0, 0.3, np.arange(30)), 1.0, 1e-60)
    assert assembled(OneRank(), X, Y, weights, validation=0.3).examples.n > 0
    with pytest.raises(
        UserError, match=r"^the arrays: beside the largest weight, those of all rows .* 0 in float32\.$"
    ):
        assembled(OneRank(), X, Y, weights, validation=0.3, dtype="float32")


def test_rows_held_out_do_not_take_part_in_the_standardisation() -> None:
    X, Y = regression(300)
    out = held_out(2, 0.25, np.arange(0, 300))
    assembly = assembled(OneRank(), X, Y, validation=0.25, seed=2)
    for held, mask in ((False, ~out), (True, out)):
        x, y = columns(assembly, held)
        np.testing.assert_allclose(x, (X[mask] - X[~out].mean(axis=0)) / X[~out].std(axis=0), atol=1e-12)
        np.testing.assert_allclose(y, (Y[mask] - Y[~out].mean(axis=0)) / Y[~out].std(axis=0), atol=1e-12)


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


X, Y = regression(20)
BAD: dict[str, tuple[Any, Any, Any, dict[str, Any], str]] = {
    "constant target": (
        X,
        np.full(20, 0.1),
        None,
        {},
        r"^the arrays: the target column y is constant: there is nothing to learn\.$",
    ),
    "second target constant": (X, np.column_stack([Y, Y * 0 + 3]), None, {}, "target column y2 is constant"),
    "one class of two columns": (
        X,
        [[1, 0]] * 20,
        None,
        {"classes": True},
        "target column y1, y2 holds one class only",
    ),
    "a class each": (
        X,
        [f"w{k}" for k in range(20)],
        None,
        {"validation": 0.3},
        "the arrays: each of the 20 rows has its own class in y:",
    ),
    "one class": (
        X,
        ["red"] * 20,
        None,
        {},
        r"^the arrays: the target column y holds one class only, 'red': there is nothing to learn\.$",
    ),
    "negative weight": (X, Y, np.arange(20.0) - 19 * (np.arange(20) == 19) - 1, {}, "row 0.* is negative"),
    "no weight": (X, Y, np.zeros(20), {}, "the weights in column weights are all 0"),
    "beyond float32": (
        X * [1, 1, 1e60],
        Y,
        None,
        {"dtype": "float32"},
        "^the arrays: a value is beyond the range of float32",
    ),
    "all held out": (X[:2], Y[:2], None, {"validation": 0.99, "seed": 1}, "no row is left to train on"),
    "none held out": (X[:3], Y[:3], None, {"validation": 0.01}, "no row of 3 is held out: raise --validation 0.01"),
    "no targets": (X, None, None, {}, "nothing to learn without targets"),
    "words as numbers": (X, ["a", "b"] * 10, None, {"classes": False}, "holds words, which can only be classes"),
    "classes of two": (X, np.column_stack([Y, Y]), None, {"classes": True}, "one of the targets y1, y2 is 1"),
    "no probabilities": (
        X,
        np.column_stack([Y, Y]),
        None,
        {"error": "cross-entropy"},
        "needs targets between 0 and 1, .* found 1[0-9.]*",
    ),
    "sign": (X, Y, None, {"theta": "sign"}, "sign has no derivative"),
}


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", BAD)
def test_bad_tables(name: str, size: int) -> None:
    X, Y, weights, options, sentence = BAD[name]
    Y = None if Y is None else np.asarray(Y)
    errors = outcomes(size, lambda ranks: assembled(ranks, X, Y, weights, **options))
    assert [type(error) for error in errors] == [UserError] * size
    for error in errors:
        with pytest.raises(UserError, match=sentence):
            raise error
    assert len({str(error) for error in errors}) == 1


def test_blocks_of_which_no_row_is_left_are_left_out(small_blocks: None) -> None:
    X, Y = regression(22)
    weights = np.ones(22)
    weights[5:10] = 0
    for size in (1, 3):
        for assembly in on_ranks(size, lambda ranks: assembled(ranks, X, Y, weights, validation=0.3)):
            examples = assembly.examples
            assert examples.rows + examples.validation_rows == 17
            assert examples.n * examples.validation_rows == examples.validation_n * examples.rows


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_n_is_the_sum_of_the_weights(dtype: str) -> None:
    """As the blocks have them, scaled and rounded; added up in float64."""
    X, Y = regression(3000)
    weights = np.random.default_rng(1).random(3000)
    examples = assembled(OneRank(), X, Y, weights, validation=0.4, dtype=dtype).examples
    for n, parts in ((examples.n, examples.blocks), (examples.validation_n, examples.validation)):
        held = [weight for block in parts for weight in block.weights.tolist()]  # type: ignore[union-attr]
        np.testing.assert_allclose(n, math.fsum(held), rtol=1e-14)
    assert examples.n / examples.validation_n == pytest.approx(1.5, rel=0.1)
    without = assembled(OneRank(), X, Y, validation=0.4, dtype=dtype).examples
    assert (without.n, without.validation_n) == (without.rows, without.validation_rows)


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
