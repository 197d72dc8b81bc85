"""The C code, compiled and called, against `Model`; all models in one library."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exporting import KINDS, REFUSED, coded, compiled, extreme, mixed, mixed_rows, model, pointer, rows, scale, signs

from distnn.inference.export import export
from distnn.inference.export.formula import fingerprint
from distnn.inference.model import Model

pytestmark = pytest.mark.job

MODELS = {**{kind.replace("-", "_"): kind for kind in KINDS}, "signs": None}
ULP = 6


def of(name: str) -> Model:
    kind = MODELS[name]
    return signs() if kind is None else model(kind)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("c")
    for name in MODELS:
        export(of(name), "c", folder / name)
    export(mixed(), "c", folder / "mixed")
    together = folder / "all.c"
    headers = "".join(f'#include "{name}.h"\n' for name in (*MODELS, "mixed"))
    together.write_text(f"{headers}int nothing(void);\nint nothing(void) {{ return 0; }}\n")
    sources = [str(folder / f"{name}.c") for name in (*MODELS, "mixed")]
    return compiled(["gcc", "-std=c99", "-Wconversion"], together, *sources, "-lm")


def evaluated(library: ctypes.CDLL, name: str, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By one call for all rows; by one for each; and what these return."""
    m = of(name).network.d[-1]
    X, together, alone = np.ascontiguousarray(X), np.full((len(X), m), 7.0), np.full((len(X), m), 7.0)
    getattr(library, f"{name}_evaluate_rows")(ctypes.c_size_t(len(X)), pointer(X), pointer(together))
    evaluate = getattr(library, f"{name}_evaluate")
    evaluate.restype = ctypes.c_double
    returned = [evaluate(pointer(x), pointer(y)) for x, y in zip(X, alone, strict=True)]
    return together, alone, np.array(returned)


@pytest.mark.parametrize("name", MODELS)
def test_values_are_those_of_the_model(library: ctypes.CDLL, name: str) -> None:
    X, tolerance = rows(of(name)), np.finfo(of(name).dtype).eps
    together, alone, returned = evaluated(library, name, X)
    expected, size = of(name)(X), scale(of(name), X)
    assert np.max(np.abs(together - expected) / size) < ULP * tolerance
    assert np.max(np.abs(alone - expected) / size) < ULP * tolerance
    np.testing.assert_array_equal(returned, alone[:, 0])


@pytest.mark.parametrize("n", range(18))
def test_any_number_of_rows(library: ctypes.CDLL, n: int) -> None:
    X = rows(of("one_output"), 20)[:n]
    y = np.full(n + 1, 7.0)
    library.one_output_evaluate_rows(ctypes.c_size_t(n), pointer(X), pointer(y))
    np.testing.assert_allclose(y[:n], of("one_output")(X)[:, 0], rtol=1e-12)
    assert y[n] == 7


def test_outputs_need_not_be_kept(library: ctypes.CDLL) -> None:
    X = rows(of("one_output"))
    library.one_output_evaluate.restype = ctypes.c_double
    assert library.one_output_evaluate(pointer(X), None) == evaluated(library, "one_output", X[:1])[1][0, 0]


@pytest.mark.parametrize("name", [name for name in MODELS if name != "signs"])
def test_derivatives(library: ctypes.CDLL, name: str) -> None:
    X = np.ascontiguousarray(rows(of(name))[:9])
    expected = of(name).derivative(X)
    y, found = np.empty((len(X), expected.shape[1])), np.empty(expected.shape)
    call = getattr(library, f"{name}_derivatives")
    call.restype = ctypes.c_double
    for x, y_, found_ in zip(X, y, found, strict=True):
        assert call(pointer(x), pointer(y_), pointer(found_)) == y_[0]
    np.testing.assert_array_equal(y, evaluated(library, name, X)[1])
    close = 1e-12 if of(name).dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=close, atol=close * np.abs(expected[0]).max())


def test_a_network_of_signs_has_none(library: ctypes.CDLL) -> None:
    assert not hasattr(library, "signs_derivatives")


@pytest.mark.parametrize("name", [name for name in MODELS if "classes" in name or name == "signs"])
def test_names_and_classes(library: ctypes.CDLL, name: str) -> None:
    known = of(name).preparation.classes
    assert known is not None
    assert strings(library, f"{name}_class_names", len(known.names)) == list(known.names)
    X = rows(of(name))
    y = np.ascontiguousarray(of(name)(X))
    codes = [getattr(library, f"{name}_class")(pointer(y_)) for y_ in y]
    assert [known.names[code] for code in codes] == of(name).classify(X).tolist()
    for k in range(y.shape[1]):
        broken = np.where(np.arange(y.shape[1]) == k, np.nan, y[0])
        assert getattr(library, f"{name}_class")(pointer(broken)) == -1


def strings(library: ctypes.CDLL, name: str, count: int) -> list[str]:
    return [text.decode() for text in (ctypes.c_char_p * count).in_dll(library, name)]


def test_the_fingerprint(library: ctypes.CDLL, tmp_path: Path) -> None:
    """It is the checksum in the model's file."""
    of("wide").save(tmp_path / "model.safetensors")
    found = (ctypes.c_char * 64).in_dll(library, "wide_fingerprint").value
    assert b'"sha256":"' + found + b'"' in (tmp_path / "model.safetensors").read_bytes()
    assert found.decode() == fingerprint(of("wide"))


def test_words_gaps_and_transforms(library: ctypes.CDLL) -> None:
    X, made = extreme(mixed_rows()), mixed()
    codes = coded(X, made)
    y, found = np.empty((len(X), 3)), np.empty((len(X), 3, 6))
    library.mixed_evaluate_rows(ctypes.c_size_t(len(X)), pointer(codes), pointer(y))
    np.testing.assert_allclose(y, made(X), rtol=1e-13)
    for x, y_, found_ in zip(codes, y, found, strict=True):
        library.mixed_derivatives(pointer(x), pointer(y_), pointer(found_))
    np.testing.assert_allclose(y, made(X), rtol=1e-13)
    np.testing.assert_allclose(found, made.derivative(X), rtol=1e-12, atol=1e-12)
    for j, encoding in enumerate(made.preparation.encodings):
        for number, word in enumerate(encoding.categories):
            assert library.mixed_word(j, word.encode()) == number
    assert library.mixed_word(1, b"elm") == library.mixed_word(0, b"fir") == library.mixed_word(99, b"fir") == -1


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_what_the_model_refuses_gives_nothing(library: ctypes.CDLL, column: int, value: float) -> None:
    codes = coded(mixed_rows()[:1], mixed())
    codes[0, column] = value
    y = np.empty((1, 3))
    library.mixed_evaluate_rows(ctypes.c_size_t(1), pointer(codes), pointer(y))
    assert np.isnan(y).all()


def test_what_is_not_a_number_gives_none(library: ctypes.CDLL) -> None:
    X = np.array([[np.nan, 1, 2], [1, 2, 3], [1, -np.inf, 2]])
    for found in evaluated(library, "one_output", X)[:2]:
        assert np.isfinite(found[:, 0]).tolist() == [False, True, False] and np.isnan(found[2, 0])


def test_tanh_is_off_by_three_units_in_the_last_place_at_most(library: ctypes.CDLL, tmp_path: Path) -> None:
    """Of the numbers from 1e-310 to 1e3 and of the special ones, beside long double's."""
    export(of("one_output"), "c", tmp_path / "m")
    source = (tmp_path / "m.c").read_text() + "void tanh_all(double *s, int n) { theta_tanh(s, n, 1); }\n"
    (tmp_path / "m.c").write_text(re.sub("\nstatic", "\n__attribute__((unused)) static", source))
    found = compiled(["gcc", "-std=c99", "-Wno-missing-prototypes"], tmp_path / "m.c", "-lm")
    x = np.concatenate([10.0 ** np.linspace(-310, 3, 40_000), np.linspace(0, 23, 40_000)])
    x = np.concatenate([x, -x])
    y = x.copy()
    found.tanh_all(pointer(y), len(y))
    exact = np.tanh(x.astype(np.longdouble))
    unit = np.maximum(np.spacing(np.abs(exact).astype(float)), 5e-324)
    assert np.max(np.abs(y - exact) / unit) < 3
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-320, 800, -800])
    found.tanh_all(pointer(special), 8)
    np.testing.assert_array_equal(special, [0.0, -0.0, 1, -1, np.nan, 1e-320, 1, -1])
    assert np.signbit(special[1])


def test_names_that_would_end_a_comment_or_a_string(tmp_path: Path) -> None:
    was = of("one_output")
    names = ('a"b\\', "*/ int x; /*", "Größe ?? [µm]\n%d")
    odd = replace(was, preparation=replace(was.preparation, inputs=names))
    export(odd, "c", tmp_path / "odd-name", units={names[2]: "µm"})
    found = compiled(["gcc", "-std=c99", "-trigraphs"], tmp_path / "odd-name.c", "-lm")
    assert strings(found, "odd_name_input_names", 3) == list(names)
    assert "2 Größe ?? [µm] %d [µm]" in (tmp_path / "odd-name.h").read_text()
