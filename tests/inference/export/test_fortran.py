"""The Fortran modules, compiled and called from C's side, against `Model`; all models in one library."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exporting import KINDS, REFUSED, coded, compiled, extreme, mixed, mixed_rows, model, pointer, rows, scale, signs

from distnn.data.encoding import Encoding
from distnn.data.scaling import Scaling
from distnn.inference.export import export
from distnn.inference.export.formula import fingerprint as checksum
from distnn.inference.model import Model
from distnn.network.network import Network

pytestmark = pytest.mark.job

MODELS = {**{kind.replace("-", "_"): kind for kind in KINDS}, "signs": None}
ULP = 6


def of(name: str) -> Model:
    kind = MODELS[name]
    return signs() if kind is None else model(kind)


# What the elemental procedures are called as in Fortran: with scalars and arrays, by their names.
CALLS = """
subroutine call_values(n, a, b, c, y) bind(c)
   use, intrinsic :: iso_c_binding, only: c_double, c_int
   use one_output, only: one_output_values
   integer(c_int), value :: n
   real(c_double), intent(in) :: a(n), b(n), c
   real(c_double), intent(out) :: y(n)
   y = one_output_values(x1=a, x3=c, x2=b)
end subroutine

subroutine call_many(n, a, y) bind(c)
   use, intrinsic :: iso_c_binding, only: c_double, c_int
   use wide, only: wide_values
   integer(c_int), value :: n
   real(c_double), intent(in) :: a(n)
   real(c_double), intent(out) :: y(n, 3)
   call wide_values(a, a, a, y(:, 1), y(:, 2), y(:, 3))
end subroutine

integer(c_int) function call_word(input, number) bind(c)
   use, intrinsic :: iso_c_binding, only: c_int
   use mixed, only: mixed_word
   integer(c_int), value :: input, number
   character(len=4), parameter :: words(4) = ["fir ", "oak ", "ash ", "elm "]
   call_word = mixed_word(int(input), trim(words(number)))
end function

subroutine call_names(n, names, fingerprint) bind(c)
   use, intrinsic :: iso_c_binding, only: c_char, c_int
   use classes, only: classes_class_names, classes_fingerprint
   integer(c_int), value :: n
   character(kind=c_char), intent(out) :: names(n, 4), fingerprint(64)
   integer :: i, k
   do k = 1, 4
      do i = 1, min(n, len(classes_class_names))
         names(i, k) = classes_class_names(k)(i:i)
      end do
   end do
   do i = 1, 64
      fingerprint(i) = classes_fingerprint(i:i)
   end do
end subroutine
"""

WORDS = """
integer(c_int) function number_of(n, letters) bind(c)
   use, intrinsic :: iso_c_binding, only: c_char, c_int
   use words, only: words_word
   integer(c_int), value :: n
   character(kind=c_char), intent(in) :: letters(n)
   character(len=n) :: word
   integer :: i
   do i = 1, n
      word(i:i) = letters(i)
   end do
   number_of = words_word(1, word)
end function
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("fortran")
    for name in MODELS:
        export(of(name), "fortran", folder / name)
    export(mixed(), "fortran", folder / "mixed")
    together = folder / "all.f90"
    together.write_text("".join((folder / f"{name}.f90").read_text() for name in (*MODELS, "mixed")) + CALLS)
    return compiled(["gfortran", "-std=f2008"], together)


def evaluated(library: ctypes.CDLL, name: str, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By one call for all rows, and by one for each."""
    m = of(name).network.d[-1]
    X, together, alone = np.ascontiguousarray(X), np.full((len(X), m), 7.0), np.full((len(X), m), 7.0)
    getattr(library, f"{name}_evaluate_rows")(ctypes.c_size_t(len(X)), pointer(X), pointer(together))
    for x, y in zip(X, alone, strict=True):
        getattr(library, f"{name}_evaluate")(pointer(x), pointer(y))
    return together, alone


@pytest.mark.parametrize("name", MODELS)
def test_values_are_those_of_the_model(library: ctypes.CDLL, name: str) -> None:
    X, tolerance = rows(of(name)), np.finfo(of(name).dtype).eps
    expected, size = of(name)(X), scale(of(name), X)
    for found in evaluated(library, name, X):
        assert np.max(np.abs(found - expected) / size) < ULP * tolerance


@pytest.mark.parametrize("n", range(18))
def test_any_number_of_rows(library: ctypes.CDLL, n: int) -> None:
    X = rows(of("one_output"), 20)[:n]
    y = np.full(n + 1, 7.0)
    library.one_output_evaluate_rows(ctypes.c_size_t(n), pointer(X), pointer(y))
    np.testing.assert_allclose(y[:n], of("one_output")(X)[:, 0], rtol=1e-12)
    assert y[n] == 7


@pytest.mark.parametrize("name", [name for name in MODELS if name != "signs"])
def test_derivatives(library: ctypes.CDLL, name: str) -> None:
    X = np.ascontiguousarray(rows(of(name))[:9])
    expected = of(name).derivative(X)
    y, found = np.empty((len(X), expected.shape[1])), np.empty(expected.shape)
    for x, y_, found_ in zip(X, y, found, strict=True):
        getattr(library, f"{name}_derivatives")(pointer(x), pointer(y_), pointer(found_))
    np.testing.assert_array_equal(y, evaluated(library, name, X)[1])
    close = 1e-12 if of(name).dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=close, atol=close * np.abs(expected[0]).max())


def test_a_network_of_signs_has_none(library: ctypes.CDLL) -> None:
    assert not hasattr(library, "signs_derivatives")


@pytest.mark.parametrize("name", [name for name in MODELS if "classes" in name or name == "signs"])
def test_classes_are_counted_from_one(library: ctypes.CDLL, name: str) -> None:
    X, known = rows(of(name)), of(name).preparation.classes
    assert known is not None
    y = np.ascontiguousarray(of(name)(X))
    codes = [getattr(library, f"{name}_class")(pointer(y_)) for y_ in y]
    assert [known.names[code - 1] for code in codes] == of(name).classify(X).tolist()
    for k in range(y.shape[1]):
        broken = np.where(np.arange(y.shape[1]) == k, np.nan, y[0])
        assert getattr(library, f"{name}_class")(pointer(broken)) == 0


def test_elemental_procedures(library: ctypes.CDLL) -> None:
    X = np.ascontiguousarray(rows(of("one_output"))[:9].T)
    y = np.empty(9)
    library.call_values(9, pointer(X[0]), pointer(X[1]), pointer(X[2][:1]), pointer(y))
    X[2] = X[2, 0]
    np.testing.assert_array_equal(y, evaluated(library, "one_output", X.T)[1][:, 0])
    many = np.empty((3, 9))
    library.call_many(9, pointer(X[0]), pointer(many))
    np.testing.assert_array_equal(many.T, evaluated(library, "wide", np.stack([X[0]] * 3, axis=1))[1])


def test_names_and_fingerprint(library: ctypes.CDLL) -> None:
    names, fingerprint = ctypes.create_string_buffer(b" " * 24, 24), ctypes.create_string_buffer(64)
    library.call_names(6, names, fingerprint)
    assert names.raw.decode() == "apple pear  plum  quince"
    assert fingerprint.raw.decode() == checksum(of("classes"))


def test_words_gaps_and_transforms(library: ctypes.CDLL) -> None:
    X, made = extreme(mixed_rows()), mixed()
    codes = coded(X, made)
    codes[:, [1, 5]] += 1  # words are counted from 1
    together, y, found = np.empty((len(X), 3)), np.empty((len(X), 3)), np.empty((len(X), 3, 6))
    library.mixed_evaluate_rows(ctypes.c_size_t(len(X)), pointer(codes), pointer(together))
    for x, y_, found_ in zip(codes, y, found, strict=True):
        library.mixed_derivatives(pointer(x), pointer(y_), pointer(found_))
    np.testing.assert_allclose(together, made(X), rtol=1e-13)
    np.testing.assert_allclose(y, made(X), rtol=1e-13)
    np.testing.assert_allclose(found, made.derivative(X), rtol=1e-12, atol=1e-12)
    assert [library.call_word(2, number) for number in (1, 2, 3, 4)] == [1, 2, 3, 0]


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_what_the_model_refuses_gives_nothing(library: ctypes.CDLL, column: int, value: float) -> None:
    codes = coded(mixed_rows()[:1], mixed())
    codes[0, column] = value
    codes[0, [1, 5]] += 1  # words are counted from 1
    y = np.empty((1, 3))
    library.mixed_evaluate_rows(ctypes.c_size_t(1), pointer(codes), pointer(y))
    assert np.isnan(y).all()


def test_what_is_not_a_number_gives_none(library: ctypes.CDLL) -> None:
    X = np.array([[np.nan, 1, 2], [1, 2, 3], [1, -np.inf, 2]])
    for found in evaluated(library, "one_output", X):
        assert np.isfinite(found[:, 0]).tolist() == [False, True, False] and np.isnan(found[2, 0])


def test_names_that_are_no_fortran(tmp_path: Path) -> None:
    was = model("one-output")
    names = ('a"b' + 60 * '"', "A_B", "Größe &\x02\n" + 100 * "lang ä ")
    odd = replace(was, preparation=replace(was.preparation, inputs=names, targets=("DP",)))
    (path,) = export(odd, "fortran", tmp_path / "odd-name", units={"A_B": "µm"})
    compiled(["gfortran", "-std=f2008"], path)
    assert "all_x(2) = A_B_2" in path.read_text()
    assert all(len(line) <= 132 for line in path.read_text().splitlines())


def test_words_that_are_no_fortran(tmp_path: Path) -> None:
    """Long ones, and those with quotes, ends of lines and letters of several bytes, are found by what they are."""
    words = ('a "word" & more', "two\nlines", "ä" * 150, "x" * 200, '"' * 130)
    encoding = Encoding("words", words)
    was = model("one-output")
    network = Network((len(words) + 1, 3, 1), output_theta="identity").initialise(1)
    prepared = replace(
        was.preparation,
        inputs=("word", "size"),
        encodings=(encoding, Encoding()),
        input_scaling=Scaling.identity(len(words) + 1),
    )
    (path,) = export(Model(network, prepared, "squared"), "fortran", tmp_path / "words")
    calls = tmp_path / "calls.f90"
    calls.write_text(WORDS)
    found = compiled(["gfortran", "-std=f2008"], path, str(calls))
    for number, word in enumerate(words, 1):
        assert found.number_of(len(word.encode()), word.encode()) == number, word
    assert found.number_of(1, b"a") == 0
