"""The compiled passes over a block, against those of numpy, and what happens where they are missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from availability import unavailable
from mpi_runner import mpirun, python
from threaded_ranks import outcomes

from distnn import compiled, environment, fused
from distnn.activations import ACTIVATIONS
from distnn.backpropagation import Backpropagation, Block
from distnn.communicator import OneRank
from distnn.errors import UserError
from distnn.fused import Fused
from distnn.layerwise import Layerwise
from distnn.memory import empty
from distnn.network import Network

CHECKOUT = Path(__file__).parents[1]
DTYPES = ["float64", "float32"]
# Widths that leave every number of rows and columns over for the tiles, and networks of one layer up to many.
ARCHITECTURES = [(1, 1, 1), (2, 2, 1), (7, 11, 3, 2), (5, 13, 4), (30, 30, 30, 1), (8, 128, 5), (3, *range(1, 13), 6)]
ROWS = [0, 1, 63, 64, 65, 300, 1000]


@pytest.fixture(params=compiled.SETS)
def of(request: pytest.FixtureRequest) -> str:
    """A set of instructions."""
    if request.param not in compiled.available():
        unavailable(request.param, "a CPU that has these instructions, and distnn installed with a C compiler")
    return request.param


def draw(d: tuple[int, ...], rows: int, dtype: str, seed: int = 0) -> Block:
    generator = np.random.default_rng([*d, rows, seed])
    x = generator.normal(size=(d[0] + 1, rows))
    x[0] = 1
    y = generator.normal(size=(d[-1], rows))
    return Block(x.astype(dtype), y.astype(dtype), generator.random(rows).astype(dtype))


def engine(d: tuple[int, ...], dtype: str, of: str | None) -> Backpropagation:
    """With the compiled passes, or with those of numpy."""
    network = Network(d, "tanh", "identity").initialise(len(d), 0.7)
    made = Backpropagation(network, "squared", np.dtype(dtype))
    made.passes = Fused(d, made._w, of) if of else Layerwise(d, ACTIVATIONS["tanh"], made._w)
    made.load(network.w)
    return made


def gradient(engine: Backpropagation, block: Block) -> np.ndarray:
    out = np.full(sum(engine.sizes), np.nan, engine.dtype)
    engine.gradient(block, out)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", ARCHITECTURES, ids=str)
def test_as_numpy(d: tuple[int, ...], dtype: str, of: str) -> None:
    ours, theirs = engine(d, dtype, of), engine(d, dtype, None)
    for rows in (*ROWS, *reversed(ROWS)):  # memory grows, and is used again
        block = draw(d, rows, dtype)
        expected, epsilon = gradient(theirs, block), float(np.finfo(dtype).eps)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient(ours, block), expected, rtol=0, atol=30 * epsilon * scale)
        assert ours.error(block) == pytest.approx(theirs.error(block), rel=30 * epsilon)
        np.testing.assert_allclose(ours.outputs(block.x), theirs.outputs(block.x), rtol=0, atol=100 * epsilon)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_pieces(dtype: str, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient has the same bits however a block is cut into pieces; e is summed piece by piece."""
    d, block = (4, 9, 3), draw((4, 9, 3), 3000, dtype)
    whole, e = gradient(engine(d, dtype, of), block), engine(d, dtype, of).error(block)
    monkeypatch.setattr(fused, "PIECE_BYTES", 1)
    pieces = engine(d, dtype, of)
    assert len(list(pieces.passes.forward(block.x))) == -(-3000 // pieces.passes.panel)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(gradient(pieces, block)[: len(pieces._w)], whole[: len(pieces._w)])
    assert pieces.error(block) == pytest.approx(e, rel=1e-13)
    np.testing.assert_array_equal(pieces.outputs(block.x), engine(d, dtype, of).outputs(block.x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", ARCHITECTURES, ids=str)
def test_the_same_bits_with_all_instructions(d: tuple[int, ...], dtype: str) -> None:
    if len(compiled.available()) < 2:
        unavailable("avx512", "a CPU that has both sets of instructions, and distnn installed with a C compiler")
    block = draw(d, 777, dtype)
    one, two = (gradient(engine(d, dtype, of), block) for of in compiled.available())
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_where_a_block_lies_nor_on_what_lies_beside_it(dtype: str, of: str) -> None:
    d, block = (6, 10, 2), draw((6, 10, 2), 203, dtype)
    made = engine(d, dtype, of)
    expected = gradient(made, block)
    x = empty(7, 1000, dtype)
    for start in (0, 1, 37):
        x[...] = np.nan
        x[:, start : start + 203] = block.x
        np.testing.assert_array_equal(gradient(made, block._replace(x=x[:, start : start + 203])), expected)
    np.testing.assert_array_equal(gradient(made, block._replace(x=np.asfortranarray(block.x))), expected)
    gradient(made, draw(d, 800, dtype))  # leaves its numbers in the memory
    np.testing.assert_array_equal(gradient(made, block), expected)


def test_an_interrupted_gradient_leaves_nothing_behind(of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    d, block = (6, 10, 2), draw((6, 10, 2), 203, "float64")
    made = engine(d, "float64", of)
    expected = gradient(made, block)
    monkeypatch.setattr(fused, "PIECE_BYTES", 1)
    pieces = made.passes.gradient(block.x, np.empty_like(made._w))
    for _ in range(2):
        _, _, delta = next(pieces)
        delta[:] = 1
    pieces.close()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(gradient(made, block)[:-1], expected[:-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_value_that_is_no_number_shows(dtype: str, of: str) -> None:
    d = (6, 10, 2)
    made = engine(d, dtype, of)
    for value in (np.nan, np.inf):
        block = draw(d, 100, dtype)
        block.x[3, 41] = value
        made._w[:] = 1
        assert np.isnan(made.error(block)) == np.isnan(value)  # tanh of an infinite signal is 1
        assert np.isnan(gradient(made, block)).any()


def test_a_wrong_number_of_inputs_is_refused(of: str) -> None:
    with pytest.raises(ValueError, match="5 rows"):
        engine((3, 2, 1), "float64", of).error(draw((4, 2, 1), 3, "float64"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh(dtype: str, of: str) -> None:
    """Right to 3 units in the last place, of any size; exact at the ends."""
    generator = np.random.default_rng(1)
    functions = fused.functions(np.dtype(dtype), of)
    x = empty(3000, functions.panel, dtype)
    sizes = 10 ** generator.uniform(np.log10(np.finfo(dtype).tiny), 2, x.shape)
    x[...] = sizes * generator.choice([-1, 1], x.shape)
    x[:1500] = generator.normal(size=(1500, functions.panel)) * 3
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, -np.finfo(dtype).max]
    x[0, : len(special)] = special
    exact = np.tanh(x.astype(np.longdouble))
    functions.tanh(x.ctypes.data, len(x))
    np.testing.assert_array_equal(x[0, : len(special)], [0, 0, 1, -1, np.nan, 1, -1])
    assert np.signbit(x[0, 1]) and not np.signbit(x[0, 0])
    errors = np.abs(x - exact)[1:] / np.spacing(np.abs(exact[1:]).astype(dtype))
    assert 0.5 < errors.max() < 3
    assert np.abs(x[1:]).max() == 1


def test_networks_that_it_serves() -> None:
    for d, theta in (((30, 30, 1), "tanh"), ((128, 128, 10), "tanh"), ((1, 1, 1), "tanh")):
        assert fused.serves(d, theta)
    for d, theta in (((30, 30, 1), "relu"), ((784, 16, 10), "tanh"), ((3, 200, 1), "tanh"), ((4, 1), "tanh")):
        assert not fused.serves(d, theta)
        assert isinstance(Backpropagation(Network(d, theta), "squared").passes, Layerwise)


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((3, 2, 1))
    for value in ("off", *compiled.available()):
        monkeypatch.setenv(compiled.VARIABLE, value)
        passes = Backpropagation(network, "squared").passes
        assert isinstance(passes, Layerwise if value == "off" else Fused)
        assert (compiled.compiler() == "none") == (value == "off")
    monkeypatch.setenv(compiled.VARIABLE, "fast")
    with pytest.raises(UserError, match="DISTNN_FUSED is 'fast'; it should be one of: off, avx2, avx512"):
        Backpropagation(network, "squared")
    monkeypatch.setattr(compiled, "available", lambda: ())
    monkeypatch.setenv(compiled.VARIABLE, "avx512")
    with pytest.raises(UserError, match="this CPU does not have"):
        Backpropagation(network, "squared")
    monkeypatch.delenv(compiled.VARIABLE)
    assert isinstance(Backpropagation(network, "squared").passes, Layerwise)


def test_a_bad_variable_is_one_sentence_of_all_ranks() -> None:
    done = mpirun(2, "-m", "distnn.train", "--out", "none", env={compiled.VARIABLE: "fast"})
    assert done.returncode == 2
    assert done.stderr.count("DISTNN_FUSED is 'fast'") == 1 and "Traceback" not in done.stderr


def test_a_library_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled.built():
        unavailable("compiled code", "distnn installed with a C compiler")
    monkeypatch.setattr(compiled, "INTERFACE", compiled.INTERFACE + 1)
    assert compiled.library.__wrapped__() is None


def test_other_compilers_are_told() -> None:
    here = environment.record(1)
    assert here["compiler"] == compiled.compiler()
    told = outcomes(2, lambda ranks: environment.compare_ranks({**here, "compiler": f"gcc {ranks.rank}"}, ranks))
    assert told[0] == told[1] and "compiler (gcc 0, gcc 1)" in told[0] and "DISTNN_FUSED=off" in told[0]
    assert environment.compare_ranks(here, OneRank()) is None


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
        env={"PYTHONPATH": str(package), compiled.VARIABLE: None},
    )
    assert done.returncode == 0, done.stderr
    where = python("-c", "import distnn; print(distnn.__file__)", cwd=package, env={"PYTHONPATH": str(package)})
    assert where.stdout.startswith(str(package))
    return done.stderr.splitlines(), json.loads((out / "environment.json").read_text())


def test_without_a_compiler_numpy_does_all(tmp_path: Path) -> None:
    package = installed(tmp_path, CC="/bin/false")
    assert not list(package.glob("distnn/*.so"))
    warnings, record = train(package)
    assert record["compiler"] == "none"
    if compiled.built():
        assert any("installed without a C compiler" in line for line in warnings)


def test_with_a_compiler_it_is_built(tmp_path: Path) -> None:
    if shutil.which(os.environ.get("CC", "gcc")) is None:
        unavailable("gcc", "a C compiler")
    package = installed(tmp_path)
    assert len(list(package.glob("distnn/_compiled*.so"))) == 1
    warnings, record = train(package)
    assert record["compiler"] == compiled.compiler() != "none"
    assert not any("compiler" in line for line in warnings)
