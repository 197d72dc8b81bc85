"""The compiled passes over a block, against those of numpy, and what happens where they are missing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from availability import need_instructions
from passing import DTYPES, WAYS, WIDE, compare, digest, draw, engine, gradient, plain

from distnn.kernels import library
from distnn.kernels.blocks import Block
from distnn.kernels.memory import empty
from distnn.network.error_functions import error_function
from distnn.network.passes import compiled
from distnn.network.weights import weight_count

# Widths that leave every number of rows and columns over for the tiles, and networks of one layer up to many.
ARCHITECTURES = [(1, 1, 1), (2, 2, 1), (7, 11, 3, 2), (5, 13, 4), (30, 30, 30, 1), (8, 128, 5), (3, *range(1, 13), 6)]

HASHES = {  # as x86-64 writes them
    ("fused", "float64"): "77430755cf3fcdb2",
    ("fused", "float32"): "c4b7b398c9a8c37f",
    ("tiled", "float64"): "55f77d781aba1a7a",
    ("tiled", "float32"): "9a0dcbc4b6e4831a",
}

ROWS = [0, 1, 63, 64, 65, 300, 1000]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", ARCHITECTURES, ids=str)
def test_as_numpy(d: tuple[int, ...], dtype: str, way: str) -> None:
    compare(d, dtype, way, (*ROWS, 64, 1, 300))  # memory grows, and is used again


@pytest.mark.parametrize("theta", library.THETAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_theta_as_numpy(dtype: str, theta: str, way: str) -> None:
    compare((7, 20, 15, 3), dtype, way, (1, 300), factor=4, theta=theta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_pieces(dtype: str, way: str, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient has the same bits however a block is cut into pieces; e is summed piece by piece."""
    d, block = (4, 9, 3), draw((4, 9, 3), 3000, dtype)
    whole, e = gradient(engine(d, dtype, way, of), block), engine(d, dtype, way, of).error(block)
    monkeypatch.setattr(compiled, "PIECE_BYTES", 1)
    made = engine(d, dtype, way, of)
    least = made.passes.panel if way == "fused" else made.passes.group  # type: ignore[attr-defined]
    assert len(list(made.passes.forward(block.x))) == -(-3000 // least) > 1
    again = gradient(made, block)
    np.testing.assert_array_equal(again[: weight_count(d)], whole[: weight_count(d)])
    assert made.error(block) == again[-1] == pytest.approx(e, rel=1e-13)
    np.testing.assert_array_equal(made.outputs(block.x), engine(d, dtype, way, of).outputs(block.x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("d", "way"), [*product(ARCHITECTURES, WAYS), *((d, "tiled") for d in WIDE)], ids=str)
def test_the_same_bits_with_all_instructions(d: tuple[int, ...], way: str, dtype: str) -> None:
    need_instructions()
    block = draw(d, 290, dtype)
    one, *others = (gradient(engine(d, dtype, way, of), block) for of in library.available())
    assert others or library.ARM64
    for found in others:
        np.testing.assert_array_equal(one, found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_are_those_of_every_other_machine(dtype: str, way: str, of: str) -> None:
    found = []
    for d in (*ARCHITECTURES, (1100, 13, 2)):
        made = engine(d, dtype, way, of)
        block = Block(*(plain(*shape).astype(dtype) for shape in ((d[0] + 1, 203), (d[-1], 203), (203,))))
        made.load(0.7 * plain(weight_count(d)))
        found += [gradient(made, block), made.outputs(block.x)]
    assert digest(found) == HASHES[way, dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [(6, 10, 2), (6, 10, 1), (6, 1, 1, 1)], ids=str)
def test_bits_do_not_depend_on_where_a_block_lies_nor_on_what_lies_beside_it(
    d: tuple[int, ...], dtype: str, way: str, of: str
) -> None:
    block, made = draw(d, 203, dtype), engine(d, dtype, way, of)
    expected = gradient(made, block)
    x = empty(7, 1000, dtype)
    for start in (0, 1, 37):
        x[...] = np.nan
        x[:, start : start + 203] = block.x
        np.testing.assert_array_equal(gradient(made, block._replace(x=x[:, start : start + 203])), expected)
    np.testing.assert_array_equal(gradient(made, block._replace(x=np.asfortranarray(block.x))), expected)
    spoilt = draw(d, 800, dtype)
    spoilt.x[1] = np.nan
    gradient(made, spoilt)  # leaves its numbers in the memory
    np.testing.assert_array_equal(gradient(made, block), expected)


def test_an_interrupted_gradient_leaves_nothing_behind(way: str, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    d, block = (6, 10, 2), draw((6, 10, 2), 603, "float64")
    monkeypatch.setattr(compiled, "PIECE_BYTES", 1)
    made = engine(d, "float64", way, of)
    expected = gradient(made, block)
    passes = made.passes.gradient(block.x, np.empty(weight_count(d)))
    for _ in range(2):
        _, _, delta = next(passes)
        delta[:] = 1
    passes.close()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(gradient(made, block), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [(6, 10, 2), (6, 10, 1)], ids=str)
def test_a_value_that_is_no_number_shows(d: tuple[int, ...], dtype: str, way: str, of: str) -> None:
    made = engine(d, dtype, way, of)
    for value in (np.nan, np.inf):
        block = draw(d, 100, dtype)
        block.x[3, 41] = value
        made.load(np.ones(weight_count(d)))
        assert np.isnan(made.error(block)) == np.isnan(value)  # tanh of an infinite signal is 1
        assert np.isnan(gradient(made, block)).any()


@pytest.mark.parametrize("d", [(70, 8, 1), (6, 8, 1), (6, 8, 2)], ids=str)
def test_what_fills_up_a_panel_does_no_harm(d: tuple[int, ...], way: str, of: str) -> None:
    """A weight that is infinite in float32: tanh is 1, whatever the columns; E and G are finite, as in numpy."""
    block, w = draw(d, 5, "float32"), np.random.default_rng(3).normal(size=weight_count(d))
    block.x[1] = 1
    w[d[1]] = 1e39
    ours, theirs = engine(d, "float32", way, of), engine(d, "float32")
    with np.errstate(over="ignore"):
        for one in (ours, theirs):
            one.load(w)
        expected = gradient(theirs, block)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(gradient(ours, block), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_weights_of_another_network_are_refused(way: str, of: str) -> None:
    with pytest.raises(ValueError, match="shape"):
        engine((3, 2, 1), "float64", way, of).load(np.zeros(10))


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_are_loaded_anew(dtype: str, way: str, of: str) -> None:
    d, block = (6, 15, 2), draw((6, 15, 2), 50, dtype)
    ours, theirs = engine(d, dtype, way, of), engine(d, dtype)
    for w in np.random.default_rng(5).normal(size=(2, weight_count(d))):
        for one in (ours, theirs):
            one.load(w)
        assert ours.error(block) == pytest.approx(theirs.error(block), rel=30 * float(np.finfo(dtype).eps))
        for mine, expected in zip(ours.W, theirs.W, strict=True):
            assert mine.dtype == dtype
            np.testing.assert_array_equal(mine, expected)


def test_a_wrong_number_of_inputs_is_refused(way: str, of: str) -> None:
    with pytest.raises(ValueError, match="5 rows"):
        engine((3, 2, 1), "float64", way, of).error(draw((4, 2, 1), 3, "float64"))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("error", "shares"),
    [
        ("squared identity", None),
        ("squared identity", [0.3, 1.7]),
        ("cross-entropy softmax", None),
        ("cross-entropy logistic", None),
    ],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_call_has_the_bits_of_many(
    dtype: str,
    error: str,
    shares: list[float] | None,
    weighted: bool,
    way: str,
    of: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole blocks and pieces, one after another, however y and the weights lie, and where numbers are new."""
    for bytes_of_pieces in (compiled.PIECE_BYTES, 1):
        monkeypatch.setattr(compiled, "PIECE_BYTES", bytes_of_pieces)
        made = engine((4, 9, 2), dtype, way, of)
        made.error_function = error_function(*error.split())
        made.load(np.linspace(-1, 1, weight_count(made.d)), shares and np.array(shares))
        for rows in (1, 300, 77, 1000):
            block = draw(made.d, rows, dtype)
            block = block._replace(weights=block.weights if weighted else None)
            expected, total = np.empty(weight_count(made.d), dtype), 0.0
            for columns, s, delta in made.passes.gradient(block.x, expected):
                weights = None if block.weights is None else block.weights[columns]
                total += made.error_function.total(s, block.y[:, columns], weights, delta)
            far_apart = np.repeat(block.weights, 2)[::2] if weighted else None
            others = block._replace(y=np.asfortranarray(block.y)), block._replace(weights=far_apart)
            for one in (block, block, *others):
                np.testing.assert_array_equal(gradient(made, one), np.append(expected, total))
            assert made.passes.in_one_call(made.error_function, block, None) == total
            block.y[:] = 0
            np.testing.assert_array_equal(gradient(made, block), gradient(made, Block(*block)))


def test_targets_of_another_network_are_refused(way: str, of: str) -> None:
    made = engine((4, 9, 2), "float64", way, of)
    with pytest.raises(ValueError, match="3 rows where this network has 2"):
        gradient(made, draw((4, 9, 3), 10, "float64"))
