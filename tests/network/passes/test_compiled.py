"""The compiled passes over a block, against those of numpy, and what happens where they are missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from availability import unavailable
from checkout import CHECKOUT
from mpi_runner import mpirun, python

from distnn.errors import UserError
from distnn.kernels import library
from distnn.kernels.blocks import Block
from distnn.kernels.library import ADDRESS, SIZE
from distnn.kernels.memory import empty, vector
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.passes import compiled
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled
from distnn.network.weights import weight_count

DTYPES = ["float64", "float32"]
WAYS = {"fused": Fused, "tiled": Tiled}
# Widths that leave every number of rows and columns over for the tiles, and networks of one layer up to many.
ARCHITECTURES = [(1, 1, 1), (2, 2, 1), (7, 11, 3, 2), (5, 13, 4), (30, 30, 30, 1), (8, 128, 5), (3, *range(1, 13), 6)]
# For tiles only: more terms than are added up at a time, more tiles than the cache has, every width of a panel of G.
WIDE = [(2100, 150, 3), (2, 3, 2200, 1), (4, 1100, 1), (33, 31, 17, 16, 15, 9, 8, 7), (6, 40, 33, 1), (3, 1, 1, 2)]
ROWS = [0, 1, 63, 64, 65, 300, 1000]


@pytest.fixture(params=library.SETS)
def of(request: pytest.FixtureRequest) -> str:
    """A set of instructions."""
    if request.param not in library.available():
        unavailable(request.param, "a CPU that has these instructions, and distnn installed with a C compiler")
    return request.param


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """The name of one of the two sorts of compiled passes."""
    return request.param


def draw(d: tuple[int, ...], rows: int, dtype: str, seed: int = 0) -> Block:
    generator = np.random.default_rng([*d, rows, seed])
    x = generator.normal(size=(d[0] + 1, rows))
    x[0] = 1
    y = generator.normal(size=(d[-1], rows))
    return Block(x.astype(dtype), y.astype(dtype), generator.random(rows).astype(dtype))


def engine(
    d: tuple[int, ...], dtype: str, way: str | None = None, of: str = "", theta: str = "tanh"
) -> Backpropagation:
    """With compiled passes, or with those of numpy."""
    network = Network(d, theta, "identity").initialise(len(d), 0.7 if max(d) <= 128 else None)
    made = Backpropagation(network, "squared", np.dtype(dtype))
    made.passes = (
        WAYS[way](d, ACTIVATIONS[theta], made.dtype, of) if way else Layerwise(d, ACTIVATIONS[theta], made.dtype)
    )
    made.load(network.w)
    return made


def gradient(engine: Backpropagation, block: Block) -> np.ndarray:
    out = np.full(sum(engine.sizes), np.nan, engine.dtype)
    engine.gradient(block, out)
    return out


def compare(
    d: tuple[int, ...], dtype: str, way: str, of: str, rows: Sequence[int], factor: float = 1, theta: str = "tanh"
) -> None:
    ours, theirs = engine(d, dtype, way, of, theta), engine(d, dtype, theta=theta)
    for count in rows:
        block = draw(d, count, dtype)
        expected, epsilon = gradient(theirs, block), factor * float(np.finfo(dtype).eps)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient(ours, block), expected, rtol=0, atol=30 * epsilon * scale)
        assert ours.error(block) == pytest.approx(theirs.error(block), rel=30 * epsilon)
        np.testing.assert_allclose(ours.outputs(block.x), theirs.outputs(block.x), rtol=0, atol=100 * epsilon)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", ARCHITECTURES, ids=str)
def test_as_numpy(d: tuple[int, ...], dtype: str, way: str, of: str) -> None:
    compare(d, dtype, way, of, (*ROWS, *reversed(ROWS)))  # memory grows, and is used again


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDE, ids=str)
def test_wide_as_numpy(d: tuple[int, ...], dtype: str, of: str) -> None:
    compare(d, dtype, "tiled", of, (700, 1, 33, 270), factor=4)


@pytest.mark.parametrize("theta", library.THETAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_theta_as_numpy(dtype: str, theta: str, way: str, of: str) -> None:
    compare((7, 20, 15, 3), dtype, way, of, (1, 300), factor=4, theta=theta)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_pieces(dtype: str, way: str, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient has the same bits however a block is cut into pieces; e is summed piece by piece."""
    d, block = (4, 9, 3), draw((4, 9, 3), 3000, dtype)
    whole, e = gradient(engine(d, dtype, way, of), block), engine(d, dtype, way, of).error(block)
    monkeypatch.setattr(compiled, "PIECE_BYTES", 1)
    made = engine(d, dtype, way, of)
    least = made.passes.panel if way == "fused" else made.passes.group  # type: ignore[attr-defined]
    assert len(list(made.passes.forward(block.x))) == -(-3000 // least) > 1
    np.testing.assert_array_equal(gradient(made, block)[: weight_count(d)], whole[: weight_count(d)])
    assert made.error(block) == pytest.approx(e, rel=1e-13)
    np.testing.assert_array_equal(made.outputs(block.x), engine(d, dtype, way, of).outputs(block.x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("d", "way"), [*product(ARCHITECTURES, WAYS), *((d, "tiled") for d in WIDE)], ids=str)
def test_the_same_bits_with_all_instructions(d: tuple[int, ...], way: str, dtype: str) -> None:
    if len(library.available()) < 2:
        unavailable("avx512", "a CPU that has both sets of instructions, and distnn installed with a C compiler")
    block = draw(d, 777, dtype)
    one, two = (gradient(engine(d, dtype, way, of), block) for of in library.available())
    np.testing.assert_array_equal(one, two)


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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("theta", library.THETAS)
def test_theta_and_its_derivative(theta: str, dtype: str, of: str) -> None:
    generator, epsilon = np.random.default_rng(1), float(np.finfo(dtype).eps)
    x, delta = vector(128, dtype), vector(128, dtype)
    x[...], delta[...] = generator.normal(size=128) * 3, generator.normal(size=128)
    x[:5] = 0, -0.0, np.inf, -np.inf, np.nan
    expected_x, expected_delta, number = x.copy(), delta.copy(), library.THETAS.index(theta)
    ACTIVATIONS[theta].apply(expected_x)
    library.function("theta", np.dtype(dtype), of, SIZE, ADDRESS, SIZE)(number, x.ctypes.data, 128)
    np.testing.assert_allclose(x, expected_x, rtol=4 * epsilon, atol=epsilon)
    finite = np.isfinite(x)
    x[~finite] = expected_x[~finite] = 0
    ACTIVATIONS[theta].chain(expected_x, expected_delta, np.empty_like(x))  # type: ignore[misc]
    addresses = x.ctypes.data, delta.ctypes.data
    library.function("chain", np.dtype(dtype), of, SIZE, ADDRESS, ADDRESS, SIZE)(number, *addresses, 128)
    np.testing.assert_allclose(delta, expected_delta, rtol=0, atol=10 * epsilon)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh(dtype: str, of: str) -> None:
    """Right to 3 units in the last place, of any size; exact at the ends."""
    generator = np.random.default_rng(1)
    x = vector(128_000, dtype)
    sizes = 10 ** generator.uniform(np.log10(np.finfo(dtype).tiny), 2, len(x))
    x[...] = sizes * generator.choice([-1, 1], len(x))
    x[:64_000] = generator.normal(size=64_000) * 3
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, -np.finfo(dtype).max]
    x[: len(special)] = special
    exact = np.tanh(x.astype(np.longdouble))
    library.function("theta", np.dtype(dtype), of, SIZE, ADDRESS, SIZE)(0, x.ctypes.data, len(x))
    np.testing.assert_array_equal(x[: len(special)], [0, 0, 1, -1, np.nan, 1, -1])
    assert np.signbit(x[1]) and not np.signbit(x[0])
    errors = np.abs(x - exact)[len(special) :] / np.spacing(np.abs(exact[len(special) :]).astype(dtype))
    assert 0.5 < errors.max() < 3
    assert np.abs(x[len(special) :]).max() == 1


@pytest.mark.parametrize(
    ("d", "theta", "passes"),
    [
        ((30, 30, 1), "tanh", Fused),
        ((64, 64, 10), "tanh", Fused),
        ((1, 1, 1), "tanh", Fused),
        ((65, 16, 1), "tanh", Tiled),
        ((784, 256, 10), "tanh", Tiled),
        ((3, 16, 200), "tanh", Tiled),
        ((30, 30, 1), "relu", Fused),
        ((784, 16, 10), "logistic", Tiled),
        ((30, 30, 1), "sign", Layerwise),
        ((4, 1), "tanh", Layerwise),
    ],
    ids=str,
)
def test_the_passes_of_a_network(d: tuple[int, ...], theta: str, passes: type) -> None:
    made = Backpropagation(Network(d, theta), "squared").passes
    assert isinstance(made, passes if library.available() else Layerwise)


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((3, 2, 1))
    for value in ("off", *library.available()):
        monkeypatch.setenv(library.VARIABLE, value)
        passes = Backpropagation(network, "squared").passes
        assert isinstance(passes, Layerwise if value == "off" else Fused)
        assert (library.compiler() == "none") == (value == "off")
    monkeypatch.setenv(library.VARIABLE, "fast")
    with pytest.raises(UserError, match="DISTNN_FUSED is 'fast'; it should be one of: off, avx2, avx512"):
        Backpropagation(network, "squared")
    monkeypatch.setattr(library, "available", lambda: ())
    monkeypatch.setenv(library.VARIABLE, "avx512")
    with pytest.raises(UserError, match="this CPU does not have"):
        Backpropagation(network, "squared")
    monkeypatch.delenv(library.VARIABLE)
    assert isinstance(Backpropagation(network, "squared").passes, Layerwise)


@pytest.mark.job
def test_a_bad_variable_is_one_sentence_of_all_ranks() -> None:
    done = mpirun(2, "-m", "distnn.train", "--out", "none", env={library.VARIABLE: "fast"})
    assert done.returncode == 2
    assert done.stderr.count("DISTNN_FUSED is 'fast'") == 1 and "Traceback" not in done.stderr


def test_a_library_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    if not library.built():
        unavailable("compiled code", "distnn installed with a C compiler")
    monkeypatch.setattr(library, "INTERFACE", library.INTERFACE + 1)
    assert library.loaded.__wrapped__() is None


def installed(folder: Path, **variables: str) -> Path:
    """distnn installed from a copy of the checkout into a folder of its own, without its dependencies."""
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, source)
    shutil.copytree(CHECKOUT / "distnn", source / "distnn", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return target


def train(package: Path, *options: str) -> tuple[list[str], dict[str, object]]:
    """What a training with the package of this folder warns of, and the record of its environment."""
    out = package / "run"
    done = python(
        *("-m", "distnn.train", "--max-iterations", "5", "--out", str(out), *options),
        cwd=package,
        env={"PYTHONPATH": str(package), library.VARIABLE: None},
    )
    assert done.returncode == 0, done.stderr
    where = python("-c", "import distnn; print(distnn.__file__)", cwd=package, env={"PYTHONPATH": str(package)})
    assert where.stdout.startswith(str(package))
    return done.stderr.splitlines(), json.loads((out / "environment.json").read_text())


@pytest.mark.job
def test_without_a_compiler_numpy_does_all(tmp_path: Path) -> None:
    package = installed(tmp_path, CC="/bin/false")
    assert not list(package.rglob("*.so"))
    warnings, record = train(package)
    assert record["compiler"] == "none"
    if library.built():
        assert any("installed without a C compiler" in line for line in warnings)


@pytest.mark.job
def test_with_a_compiler_it_is_built(tmp_path: Path) -> None:
    if shutil.which(os.environ.get("CC", "gcc")) is None:
        unavailable("gcc", "a C compiler")
    package = installed(tmp_path)
    assert len(list(package.glob("distnn/kernels/_library*.so"))) == 1
    warnings, record = train(package)
    assert record["compiler"] == library.compiler() != "none"
    assert not any("compiler" in line for line in warnings)
