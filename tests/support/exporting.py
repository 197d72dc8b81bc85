"""Models to export, rows to try them on, and compilers for what is exported."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from availability import unavailable
from tables import assembled, regression, words

from distnn.data.encoding import Encoding, widths
from distnn.data.preparation import Preparation
from distnn.data.scaling import Scaling
from distnn.inference.model import Model
from distnn.network.network import Network
from distnn.parallel.ranks import OneRank

# name: of regression, or "classes"; with how many targets or classes, and options of a training
KINDS = {
    "one-output": (regression, 1, {"hidden": (12, 7)}),
    "wide": (regression, 3, {"hidden": (30,), "theta": "logistic"}),
    "relu": (regression, 2, {"hidden": (9, 8), "theta": "relu", "standardise_targets": False}),
    "linear": (regression, 2, {"hidden": ()}),
    "raw": (regression, 1, {"hidden": (5,), "standardise": False, "output_theta": "tanh"}),
    "float32": (regression, 2, {"hidden": (10, 10), "dtype": "float32"}),
    "two-classes": (words, 2, {"hidden": (6,), "error": "squared"}),
    "classes": (words, 4, {"hidden": (6, 5), "error": "cross-entropy"}),
    "logistic-classes": (words, 3, {"hidden": (6,), "error": "cross-entropy", "output_theta": "logistic"}),
}

# column of `mixed_rows` and code: what predict refuses there, and exports answer with NaN
REFUSED = [
    (1, 3),
    (1, 0.5),
    (1, -1),
    (5, np.nan),
    (3, np.nan),
    (0, -1),
    (0, 0),
    (0, np.nan),
    (4, -1),
    (2, np.inf),
    (4, np.inf),
]


@cache
def model(kind: str) -> Model:
    """A model of this kind, not trained; its weights are larger than at the start of a training, to bend."""
    table, m, options = KINDS[kind]
    X, Y = table(60, **{"K" if table is words else "m": m})
    made = assembled(OneRank(), X, Y, **options).model
    made.network.w *= 2
    return made


def mixed(dtype: str = "float64") -> Model:
    """A model of words, gaps and transforms, of inputs and of targets."""
    columns = {
        "size": Encoding(transform="log"),
        "wood": Encoding("words", ("fir", "oak", "ash"), fill=0.0, indicator=True),
        "age": Encoding(fill=7.5, indicator=True),
        "old": Encoding("booleans"),
        "rain": Encoding(fill=0.25, transform="log1p"),
        "kind": Encoding("words", ("a", "b")),
    }
    generator, d = np.random.default_rng(4), widths(list(columns.values()))
    network = Network((d, 9, 3), output_theta="identity").initialise(2)
    inputs, targets = (Scaling(*generator.normal(1, 0.1, (3, m))) for m in (d, 3))
    transforms = ("log", None, "log1p")
    prepared = Preparation(
        tuple(columns), ("p", "q", "r"), None, inputs, targets, None, tuple(columns.values()), transforms
    )
    return Model(network, prepared, "squared", dtype)


def mixed_rows() -> np.ndarray:
    """Rows for it, of Python objects."""
    generator = np.random.default_rng(6)
    rows = []
    for number in range(41):
        size, rain, age = generator.lognormal(), generator.lognormal(), generator.normal()
        wood = ("fir", "oak", "ash", None)[number % 4]
        row = [
            size,
            wood,
            age if number % 3 else None,
            bool(number % 2),
            rain if number % 5 else None,
            "ab"[number % 2],
        ]
        rows.append(row)
    return np.array(rows, object)


def extreme(X: np.ndarray) -> np.ndarray:
    """The rows of `mixed_rows`, some of them with values near the ends of what there is; JAX takes 1e-310 for 0."""
    X = X.copy()
    X[0, 0], X[1, 0], X[4, 2], X[7, 2], X[6, 4], X[8, 4] = 1e-300, 1e300, 1e12, -1e12, 1e300, -1 + 1e-16
    return X


def coded(X: np.ndarray, model: Model) -> np.ndarray:
    """The rows as numbers: words by their places among the categories, NaN where a value is missing."""
    codes = np.full(X.shape, np.nan)
    for j, encoding in enumerate(model.preparation.encodings):
        for i, value in enumerate(X[:, j]):
            if value is not None:
                codes[i, j] = encoding.categories.index(value) if encoding.kind == "words" else value
    return codes


def signs() -> Model:
    """A network of signs, which nobody can train."""
    made = assembled(OneRank(), *words(60, 2), hidden=(6,), error="squared").model
    network = type(made.network)(made.network.d, "sign", "sign")
    network.w[:] = made.network.w
    return Model(network, made.preparation, made.error)


def rows(model: Model, n: int = 61) -> np.ndarray:
    """Rows like those of the training, on its mean, and far away from it, up to where squares overflow."""
    scaling = model.preparation.input_scaling
    generator = np.random.default_rng(5)
    z = generator.normal(size=(n, len(scaling.shift)))
    z[1] = 0
    for row, size in enumerate((1e-9, 10, 1e3, 1e6, 1e15, 1e100), 2):
        z[row] *= size if model.dtype == "float64" else min(size, 1e6)
    return z * scaling.divisor + scaling.mean + scaling.shift


def scale(model: Model, X: np.ndarray) -> np.ndarray:
    """The size of what each output is the sum of, n × d^(L), in its units: roundings are of that size."""
    network, preparation = model.network, model.preparation
    last = type(network)(network.d, network.theta, "identity")
    scaling = preparation.input_scaling
    x = (X - scaling.shift - scaling.mean) / scaling.divisor
    for W in network.W[:-1]:
        last = type(network)((W.shape[0] - 1, W.shape[1]), output_theta=network.theta)
        last.w[:] = W.ravel()
        x = last(x)
    size = np.abs(x) @ np.abs(network.W[-1][1:]) + np.abs(network.W[-1][0])
    if network.output_theta != "identity":
        size = np.maximum(size, 1)
    if preparation.target_scaling is None:
        return size
    undo = preparation.target_scaling
    return size * undo.deviation + np.abs(undo.mean) + np.abs(undo.shift)


def compiled(command: Sequence[str], source: Path, *more: str) -> ctypes.CDLL:
    """The library that a compiler makes of a file, without a warning."""
    if shutil.which(command[0]) is None:
        unavailable(command[0], "it compiles what is exported")
    library = source.with_suffix(".so")
    flags = ["-O2", "-fPIC", "-shared", "-Werror", "-Wall", "-Wextra", "-pedantic"]
    done = subprocess.run(
        [*command, *flags, str(source), "-o", str(library), *more], capture_output=True, text=True, cwd=source.parent
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """The address of a contiguous array of float64."""
    assert array.dtype == np.float64 and array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def imported(path: Path) -> ModuleType:
    """A Python file as a module."""
    specification = importlib.util.spec_from_file_location("exported", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
