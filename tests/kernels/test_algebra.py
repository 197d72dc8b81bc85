"""Sums and products in a fixed order: right. And all arithmetic has the same bits with every set of instructions."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from availability import need_instructions, use_instructions
from passing import DTYPES, digest, plain

from distnn.kernels import algebra, elementary, factors, library

# Numbers of terms: none, less than a line, lines and what is left over, more than are added up at a time.
TERMS = [0, 1, 7, 8, 100, 1030, 3001]
# Of `everything`, as x86-64 writes it.
HASH = "76f6555a95b8cf93"


def draw(*shape: int, dtype: str = "float64", seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("exponent", [-1060, -700, -460, 700, 1015])
def test_a_length_whose_square_is_no_float(exponent: int, way: str) -> None:
    a, b = np.ldexp([3.0, -3.0, 0.0], exponent), np.ldexp([0.0, 1.0, 0.0], exponent)
    assert algebra.norm(a - b) == algebra.distance(a, b) == np.ldexp(5.0, exponent)
    assert algebra.norm(np.array([np.inf, 1])) == np.inf and np.isnan(algebra.norm(np.array([np.nan, 1])))
    assert algebra.norm(np.zeros(2)) == algebra.norm(np.zeros(0)) == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", TERMS)
def test_sums(n: int, dtype: str, way: str) -> None:
    a, b = draw(n, dtype=dtype), draw(n, dtype=dtype, seed=1)
    terms = a.astype(float) * b
    bound = (n + 1) * float(np.finfo(dtype).eps)
    assert algebra.dot(a, b) == pytest.approx(math.fsum(terms), rel=0, abs=bound * np.abs(terms).sum())
    assert algebra.total(a) == pytest.approx(math.fsum(a), rel=0, abs=bound * float(np.abs(a).sum()))
    assert algebra.norm(a.astype(float)) == pytest.approx(math.sqrt(math.fsum(a.astype(float) ** 2)), rel=1e-13)


@pytest.mark.parametrize("n", [0, 1, 5, algebra.PART, algebra.PART + 1, 3 * algebra.PART + 700])
def test_steps_and_their_lengths(n: int, way: str) -> None:
    """A step has the bits of numpy, whatever n is; its length those of sums over parts."""
    a, b = draw(n), draw(n, seed=1)
    np.testing.assert_array_equal(algebra.moved(a, -0.3, b), a + -0.3 * b)
    np.testing.assert_array_equal(algebra.moved(a, 0.1, b[::-1]), a + 0.1 * b[::-1])
    assert algebra.distance(a, b) == pytest.approx(np.linalg.norm(a - b), rel=1e-12)
    assert algebra.distance(a, a) == 0
    if way != "off":
        squares = [algebra.dot(step, step) for step in np.split(a - b, range(algebra.PART, n, algebra.PART))]
        assert algebra.distance(a, b) == math.sqrt(sum(squares))


@pytest.mark.parametrize("n", [1, 7, 1030, 3001])
def test_rows_apart_are_multiplied_as_a_matrix(n: int, way: str) -> None:
    matrix, v, factors = draw(5, n), draw(n, seed=1), draw(5, seed=2)
    rows = algebra.Rows(matrix[:3])
    for row in matrix[3:]:
        before, rows = rows, rows.followed_by(row, 9)
    assert (len(before), len(rows)) == (4, 5)
    for same in (rows, copy.deepcopy(rows), pickle.loads(pickle.dumps(rows)), algebra.Rows(np.asarray(rows))):
        np.testing.assert_array_equal(np.asarray(same), matrix)
        np.testing.assert_array_equal(same.times(v), algebra.times(matrix, v))
        np.testing.assert_array_equal(same.combined(factors), algebra.combination(factors, matrix))
    assert not set(copy.deepcopy(rows).addresses) & set(rows.addresses)
    np.testing.assert_array_equal(np.asarray(rows.followed_by(v, 3)), [*matrix[3:], v])
    np.testing.assert_array_equal(np.asarray(before), matrix[:4])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 4), (13, 7), (101, 130)])
@pytest.mark.parametrize("k", [0, 5, 1030])
def test_products_of_rows(m: int, n: int, k: int, dtype: str, way: str) -> None:
    a, b = draw(m, k, dtype=dtype), draw(n, k, dtype=dtype, seed=1)
    expected = a.astype(np.longdouble) @ b.T.astype(np.longdouble)
    limit = 4 * float(np.finfo(dtype).eps) * k
    np.testing.assert_allclose(algebra.row_products(a, b), expected, rtol=0, atol=limit)
    lower = algebra.row_products(a, a, lower=True)
    np.testing.assert_array_equal(np.tril(lower), np.tril(algebra.row_products(a, a)))
    np.testing.assert_allclose(algebra.times(a, b[0]), expected[:, 0], rtol=0, atol=limit)
    np.testing.assert_allclose(algebra.combination(a[:, 0], a) if k else 0, a[:, 0] @ a if k else 0, atol=1e-3)


def test_arrays_that_lie_otherwise_in_memory(way: str) -> None:
    """Views, transposed and reversed arrays are read right, and rows beside the result are left alone."""
    a, room = draw(40, 30), np.full((20, 50), 7.0)
    algebra.write_row_products(a[3:20:2, 5:25], a[10::-1, 5:25], room[:9, 4:15])
    np.testing.assert_allclose(room[:9, 4:15], a[3:20:2, 5:25] @ a[10::-1, 5:25].T)
    assert (room[9:] == 7).all() and (room[:, :4] == 7).all() and (room[:, 15:] == 7).all()
    np.testing.assert_allclose(algebra.row_products(a.T, a.T), a.T @ a)
    np.testing.assert_allclose(algebra.column_sums(a[::2]), a[::2].sum(axis=0))
    np.testing.assert_allclose(algebra.row_sums(a[:, ::3]), a[:, ::3].sum(axis=1))


@pytest.mark.parametrize("n", [1, 3, 8, 9, 30])
def test_symmetric_matrix_of_a_triangle(n: int, way: str) -> None:
    lower = np.arange(1.0, n * (n + 1) / 2 + 1)
    matrix = algebra.symmetric(lower, n)
    np.testing.assert_array_equal(matrix[np.tri(n, dtype=bool)], lower)
    np.testing.assert_array_equal(matrix, matrix.T)
    with pytest.raises(ValueError):
        algebra.symmetric(lower, n + 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 15, 256, 700])
@pytest.mark.parametrize("layers", [[(17, 16)], [(3, 20), (21, 3), (4, 1)]])
def test_square_of_a_jacobian_that_is_not_made(layers: list[tuple[int, int]], columns: int, dtype: str) -> None:
    """To the bits of `outer_sum`, also where rows are parts of longer ones, and lie anywhere in a line."""
    need_instructions()
    x = [draw(a, columns + 9, dtype=dtype)[:, 3 : columns + 3] for a, _ in layers]
    delta = [draw(b, columns + 2, dtype=dtype, seed=1)[:, 1 : columns + 1] for _, b in layers]
    J = np.concatenate([(a[:, None] * b[None]).reshape(-1, columns) for a, b in zip(x, delta, strict=True)])
    for name in library.available():
        with pytest.MonkeyPatch.context() as patch:
            use_instructions(name, patch)
            expected, found = np.zeros((2, len(J), len(J)), dtype)
            algebra.outer_sum(J, J, expected, lower=True)
            assert algebra.jacobian_square(x, delta, found)
            np.testing.assert_array_equal(np.tril(found), np.tril(expected))


def test_a_small_jacobian_or_one_for_numpy_is_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = np.zeros((5, 5)), np.zeros((120, 120))
    assert not algebra.jacobian_square([draw(5, 9)], [draw(1, 9)], small)
    use_instructions("off", monkeypatch)
    assert not algebra.jacobian_square([draw(12, 9)], [draw(10, 9)], large)
    assert not large.any()


def everything() -> list[np.ndarray]:
    """What algebra computes, of numbers of all sizes that integers make: in float64 and float32."""
    found = []
    for dtype in DTYPES:
        a = np.ldexp(plain(70, 1100), np.arange(77_000).reshape(70, 1100) % 81 - 40).astype(dtype)
        small = np.ldexp(plain(300), -900 - np.arange(300) % 174).astype(dtype)
        found += [algebra.row_products(a, a[:9]), algebra.combination(a[:, 0], a), algebra.row_sums(a)]
        found += [np.array([algebra.dot(small, small[::-1]), algebra.dot(small, a[0, :300])])]
        for W, x, across in ((a[:, :30], a[:, 30:99], False), (a[:30, :70].T, a[:30, 30:99], True)):
            out = np.empty((len(W) if across else W.shape[1], x.shape[1]), dtype)
            algebra.product(W, x, out, across)
            found.append(out)
        squares = np.zeros((200, 200), dtype)
        algebra.outer_sum(plain(200, 300).astype(dtype), plain(200, 300).astype(dtype), squares, lower=True)
        found.append(np.tril(squares))
        with np.errstate(all="ignore"):
            found += [
                elementary.applied(name, np.concatenate([a[0], np.abs(a[1]), small])) for name in library.FUNCTIONS
            ]
    J = plain(130, 133)
    L = factors.cholesky(algebra.row_products(J, J) + 0.1 * np.eye(130))
    assert L is not None
    return [*found, L, factors.solve(L, plain(130)), factors.invert(L)]


@pytest.mark.parametrize("name", library.available())
def test_the_bits_are_those_of_every_other_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AVX-512, AVX2, neither, with fused multiplications and additions made of others, and NEON: all of this hash."""
    need_instructions()
    use_instructions(name, monkeypatch)
    assert digest(everything()) == HASH
