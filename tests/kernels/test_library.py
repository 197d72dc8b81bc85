"""The compiled code: its functions, and what happens where it is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from availability import need_instructions, unavailable, use_instructions
from checkout import CHECKOUT
from measuring import VARIABLE as MEASURED
from mpi_runner import environment, mpirun, python
from passing import DTYPES
from patience import PATIENCE

from distnn.errors import UserError
from distnn.kernels import algebra, library
from distnn.kernels.library import ADDRESS, SIZE
from distnn.kernels.memory import vector
from distnn.network.activations import ACTIVATIONS


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


@pytest.mark.job
def test_a_bad_variable_is_one_sentence_of_all_ranks() -> None:
    done = mpirun(2, "-m", "distnn.train", "--out", "none", env={library.VARIABLE: "fast"})
    assert done.returncode == 2
    assert done.stderr.count("DISTNN_FUSED is 'fast'") == 1 and "Traceback" not in done.stderr


def test_a_library_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    monkeypatch.setattr(library, "INTERFACE", library.INTERFACE + 1)
    assert library._load.__wrapped__() == (None, f"{library.FILE} was built from other sources")


SHOW = """
import sys
import tomllib
from pathlib import Path
from distnn.errors import UserError
from distnn.kernels import algebra, library
library.FILE = Path(sys.argv[1])
print(library.built(), sys.float_info.min / 2 > 0, library.why_not())
"""


def told_of(file: Path) -> str:
    """Whether a library is used, whether numbers below 1e-308 are left, and what is said."""
    done = python("-c", SHOW, str(file), env={library.VARIABLE: None})
    assert done.returncode == 0, done.stderr
    return done.stdout


CUT_OFF = b"\x7fELF\2\1" + bytes(34) + (9000).to_bytes(8, "little") + bytes(10) + b"\x40\0\1\0" + bytes(900)


@pytest.mark.job
@pytest.mark.parametrize("contents", [b"", b"garbage" * 999, b"\x7fELF" + bytes(5000), CUT_OFF])
def test_a_file_that_is_no_library_is_named(contents: bytes, tmp_path: Path) -> None:
    file = tmp_path / "_library.so"
    file.write_bytes(contents)
    said = told_of(file)
    assert said.startswith(f"False True {file} is not distnn's compiled code for this machine (")
    assert ("its end is missing" in said) == (contents is CUT_OFF)
    assert "installed without a C compiler" not in said


CSRC = "distnn/kernels/csrc"


def copied(sources: Path) -> None:
    """The sources, with θ and what else is looked at when the library is loaded, but without the passes: to compile
    these takes nearly all of the time."""
    shutil.copytree(CHECKOUT / CSRC, sources, dirs_exist_ok=True)
    for name in (
        "fused.h",
        "tile.h",
        "tiled.h",
        "algebra.h",
        "factors.h",
        "squared.h",
        "cross_entropy.h",
        "error_total.h",
        "adam.h",
    ):
        (sources / name).write_text("")


def compiled(folder: Path, *flags: str) -> Path:
    """The library without passes, compiled with these flags alone."""
    sources, file = folder / "csrc", folder / "_library.so"
    copied(sources)
    command = ["gcc", "-shared", "-fPIC", *flags, *map(str, sorted(sources.glob("*.c"))), "-o", str(file)]
    subprocess.run(command, check=True, timeout=PATIENCE)
    return file


@pytest.mark.job
@pytest.mark.parametrize("flags", ["-O2 -ffast-math", "-Ofast"])
def test_a_library_that_computes_otherwise_is_not_used(flags: str, tmp_path: Path) -> None:
    need_instructions()
    if shutil.which("gcc") is None:
        unavailable("gcc", "a C compiler")
    said = told_of(compiled(tmp_path, *flags.split()))
    assert said.startswith("False True ")
    assert "wrongly: flags of the compiler" in said or "makes numbers below 1e-308 zero" in said


@pytest.mark.job
def test_other_optimisation_computes_the_same(tmp_path: Path) -> None:
    need_instructions()
    if shutil.which("gcc") is None:
        unavailable("gcc", "a C compiler")
    for flags in (["-O0"], ["-O2", "-std=c11"], ["-O3", "-march=native"]):
        assert told_of(compiled(tmp_path, *flags)) == "True True None\n"


@pytest.mark.parametrize("instruction_set", library.available())
def test_other_bits_are_noticed(instruction_set: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = library.loaded()
    assert found is not None and library._wrong(found, instruction_set) is None
    monkeypatch.setitem(library.KNOWN, ("logistic", "float32"), "0")
    assert library._wrong(found, instruction_set) == "logistic in float32"


def installed(folder: Path, **variables: str) -> Path:
    """distnn installed from a copy of the checkout into a folder of its own, without its dependencies and passes."""
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, source)
    shutil.copytree(CHECKOUT / "distnn", source / "distnn", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    copied(source / CSRC)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    changes = {MEASURED: None, **variables}  # pip's own code is not measured
    done = subprocess.run(command, env=environment(changes), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.job
def test_without_a_compiler_numpy_computes_where_it_is_asked_to(tmp_path: Path) -> None:
    package = installed(tmp_path, CC="/bin/false")
    assert not list(package.rglob("*.so"))

    def train(fused: str | None) -> subprocess.CompletedProcess[str]:
        arguments = ("-m", "distnn.train", "--max-iterations", "5", "--out", "run")
        return python(*arguments, cwd=package, env={"PYTHONPATH": str(package), library.VARIABLE: fused})

    refused = train(None)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "installed without a C compiler" in refused.stderr and "DISTNN_FUSED=off" in refused.stderr
    assert not (package / "run").exists()
    done = train("off")
    assert done.returncode == 0, done.stderr
    record = json.loads((package / "run/environment.json").read_text())
    assert (record["compiler"], record["arithmetic"]) == ("none", "numpy")


def test_without_compiled_code_nothing_is_computed_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "available", lambda: ())
    monkeypatch.setattr(library, "_load", lambda: (None, "distnn was installed without a C compiler"))
    use_instructions(None, monkeypatch)
    with pytest.raises(UserError, match=r"without a C compiler.*install a wheel.*DISTNN_FUSED=off"):
        algebra.dot(np.ones(2), np.ones(2))
    use_instructions("off", monkeypatch)
    assert algebra.dot(np.ones(2), np.ones(2)) == 2 and algebra.arithmetic() == "numpy"


@pytest.mark.job
def test_with_a_compiler_it_is_built_whatever_its_flags(tmp_path: Path) -> None:
    if shutil.which(os.environ.get("CC", "gcc")) is None:
        unavailable("gcc", "a C compiler")
    package = installed(tmp_path, CFLAGS="-Ofast -ffast-math -std=c11 -ffp-contract=off", LDFLAGS="-ffast-math")
    assert [file.name for file in package.rglob("*.so")] == ["_library.so"]
    assert told_of(package / "distnn/kernels/_library.so") == "True True None\n"
    (wheel,) = package.glob("distnn-*.dist-info/WHEEL")  # one for all Pythons
    assert re.search(r"^Tag: py3-none-(linux|macosx)_\w+$", wheel.read_text(), re.MULTILINE)


def test_the_source_distribution_has_all_c_code() -> None:
    (extension,) = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    code = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / CSRC).glob("*.[ch]")}
    assert {*extension["sources"], *extension["depends"]} == code


def test_a_cpu_without_fused_multiplications_is_told_what_the_bits_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    use_instructions(None, monkeypatch)
    monkeypatch.setattr(library, "available", lambda: ("portable",))
    monkeypatch.setattr(library.platform, "machine", lambda: "x86_64")
    said = library.slow()
    assert said is not None and "neither AVX2 nor AVX-512" in said and "DISTNN_FUSED=off is faster" in said
    for value in ("off", "portable"):  # who has chosen need not be told
        use_instructions(value, monkeypatch)
        assert library.slow() is None
