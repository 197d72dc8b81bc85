"""From a table to examples: standardised inputs and targets, weights, rows held out; what is read, and kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loaded_tables import Foreseen, columns, loaded
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.data.columns import Columns
from distnn.data.encoding import Encoding
from distnn.data.loading import Recipe
from distnn.data.sampling import for_test, held_out
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank


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


def test_rows_held_out_do_not_take_part_in_the_standardisation() -> None:
    X, Y = regression(300)
    out = held_out(2, 0.25, np.arange(0, 300))
    assembly = assembled(OneRank(), X, Y, validation=0.25, seed=2)
    for held, mask in ((False, ~out), (True, out)):
        x, y = columns(assembly, held)
        np.testing.assert_allclose(x, (X[mask] - X[~out].mean(axis=0)) / X[~out].std(axis=0), atol=1e-12)
        np.testing.assert_allclose(y, (Y[mask] - Y[~out].mean(axis=0)) / Y[~out].std(axis=0), atol=1e-12)


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
