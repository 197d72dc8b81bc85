"""Fortran 2008: one module of pure procedures, which C can call, too. See c.py, whose arithmetic is the same.

Weights stand in data statements, since a parameter may not have more continuation lines than 255.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from distnn.inference.export.c import padded
from distnn.inference.export.formula import Formula
from distnn.inference.export.fortran_columns import encoded, from_c, literal, look_up, restored
from distnn.inference.export.fortran_source import BACK, LAYERS, SLOPES, TANH, theta
from distnn.inference.export.text import commented, distinct, identifier, lines, numbers

SCALARS = 40  # at most so many arguments has the elemental procedure
STATEMENT = 600  # numbers in a data statement
ROWS = 16  # at a time, as in fortran_source.py
STANDARDISED = (
    "(({0} - shift) - mean)/divisor + ({0} - {0})"  # NaN for infinite inputs: tanh would make numbers of them
)


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The module, by its ending. Local."""
    return {".f90": ("\n".join(_Module(formula, identifier(name)[:40]).text()) + "\n").encode()}


class _Module:
    """The parts of the module, as lines."""

    def __init__(self, formula: Formula, name: str):
        self.formula, self.f, self.d = formula, name, formula.d
        self.L = len(formula.layers)
        self.p = [padded(width) for width in formula.d]

    def text(self) -> Iterator[str]:
        formula, f = self.formula, self.f
        thetas = {layer.theta for layer in formula.layers}
        procedures = [f"{f}_evaluate", f"{f}_evaluate_rows"]
        scalar = len(formula.inputs) + len(formula.outputs) <= SCALARS
        procedures += [f"{f}_derivatives"] * formula.differentiable + [f"{f}_values"] * scalar
        procedures += [f"{f}_class"] * bool(formula.classes) + [f"{f}_word"] * bool(formula.words)
        yield commented(formula, "!", 120, 1)
        yield "!"
        yield "! All procedures are pure; any number of threads may call them. Compile without -ffast-math."
        yield f"module {f}"
        yield "   use, intrinsic :: iso_c_binding, only: dp => c_double, c_int, c_size_t"
        yield "   use, intrinsic :: iso_fortran_env, only: int64"
        if not formula.plain:
            yield "   use, intrinsic :: ieee_arithmetic, only: ieee_is_nan, ieee_value, ieee_quiet_nan"
        yield "   implicit none"
        yield "   private"
        yield f"   integer, parameter, public :: {f}_inputs = {len(formula.inputs)}"
        yield f"   integer, parameter, public :: {f}_outputs = {len(formula.outputs)}"
        yield f"   character(len=*), parameter, public :: {f}_fingerprint = &"
        yield f'      "{formula.fingerprint}"'
        yield from self._names("input_names", formula.inputs)
        yield from self._names("output_names", formula.outputs)
        if formula.classes:
            yield from self._names("class_names", formula.classes)
        yield from (f"   public :: {name}" for name in procedures)
        yield from from_c(formula)
        yield from self._array("shift", formula.standardise.shift)
        yield from self._array("mean", formula.standardise.mean)
        yield from self._array("divisor", formula.standardise.divisor)
        if formula.undo is not None:
            yield from self._array("factor", formula.undo.divisor)
            yield from self._array("offset_mean", formula.undo.mean)
            yield from self._array("offset_shift", formula.undo.shift)
        for l, layer in enumerate(formula.layers, 1):
            weights = np.zeros((self.d[l - 1] + 1, self.p[l]))
            weights[0, : self.d[l]], weights[1:, : self.d[l]] = layer.b, layer.W
            yield from self._array(f"w{l}", weights)
        yield ""
        yield "contains"
        yield from self._evaluate()
        yield from self._evaluate_rows()
        if formula.differentiable:
            yield from self._derivatives()
        if scalar:
            yield from self._values()
        if formula.classes:
            yield from self._class()
        if not formula.plain:
            yield from encoded(formula)
        if formula.words:
            yield from look_up(formula, f)
        if any(formula.transforms):
            yield from restored(formula)
        yield LAYERS
        if formula.differentiable:
            yield BACK
        if thetas & {"tanh", "logistic"}:
            yield TANH
        yield "end module"

    def _evaluate(self) -> Iterator[str]:
        f = self.f
        yield ""
        yield "   !> The outputs y for the inputs x."
        yield f"   pure recursive subroutine {f}_evaluate(x, y) bind(c)"
        yield f"      real(dp), intent(in) :: x({f}_inputs)"
        yield f"      real(dp), intent(out) :: y({f}_outputs)"
        yield from self._single()
        yield f"      y = {self._undone(f'x{self.L}(:{self.d[-1]})')}"
        yield "   end subroutine"

    def _single(self) -> Iterator[str]:
        """Declarations, and all layers of one row x."""
        for l in range(self.L + 1):
            yield f"      real(dp) :: x{l}({self.p[l] if l else self.d[0]})"
        yield f"      x0 = {self._encoded('x')}"
        yield f"      x0 = {STANDARDISED.format('x0')}"
        for l, layer in enumerate(self.formula.layers, 1):
            yield f"      call signals({self.d[l - 1]}, {self.p[l]}, w{l}, x{l - 1}, x{l})"
            if layer.theta == "softmax":
                own = f"x{l}(:{self.d[l]})"
                yield f"      {own} = exp({own} - maxval({own}))"
                yield f"      {own} = {own}/sum({own})"
            else:
                yield from (f"      {line}" for line in theta(layer.theta, f"x{l}", str(self.p[l])))

    def _evaluate_rows(self) -> Iterator[str]:
        f, L = self.f, self.L
        yield ""
        yield "   !> The same for many rows, x(:, row) and y(:, row). Faster; the last digits may differ."
        yield f"   pure recursive subroutine {f}_evaluate_rows(rows, x, y) bind(c)"
        yield "      integer(c_size_t), intent(in), value :: rows"
        yield f"      real(dp), intent(in) :: x({f}_inputs, rows)"
        yield f"      real(dp), intent(out) :: y({f}_outputs, rows)"
        for l in range(L + 1):
            yield f"      real(dp) :: x{l}({ROWS}, {self.d[l]})"
        yield "      integer(c_size_t) :: start"
        yield "      integer :: some, r"
        yield f"      do start = 0, rows - 1, {ROWS}"
        yield f"         some = int(min(rows - start, {ROWS}_c_size_t))"
        yield f"         do r = 1, {ROWS} ! where there are fewer, the last one again"
        yield f"            x0(r, :) = {self._encoded('x(:, start + min(r, some))')}"
        yield f"            x0(r, :) = {STANDARDISED.format('x0(r, :)')}"
        yield "         end do"
        for l, layer in enumerate(self.formula.layers, 1):
            yield f"         call signals_of_rows({self.d[l - 1]}, {self.d[l]}, {self.p[l]}, w{l}, x{l - 1}, x{l})"
            if layer.theta == "softmax":
                yield f"         do r = 1, {ROWS}"
                yield f"            x{l}(r, :) = exp(x{l}(r, :) - maxval(x{l}(r, :)))"
                yield f"            x{l}(r, :) = x{l}(r, :)/sum(x{l}(r, :))"
                yield "         end do"
            else:
                yield from (f"         {line}" for line in theta(layer.theta, f"x{l}", str(ROWS * self.d[l])))
        yield "         do r = 1, some"
        yield f"            y(:, start + r) = {self._undone(f'x{L}(r, :)')}"
        yield "         end do"
        yield "      end do"
        yield "   end subroutine"

    def _derivatives(self) -> Iterator[str]:
        f, L = self.f, self.L
        yield ""
        yield "   !> The outputs y, and dydx(i, k), the derivative of output k by input i, in their units."
        yield f"   pure recursive subroutine {f}_derivatives(x, y, dydx) bind(c)"
        yield f"      real(dp), intent(in) :: x({f}_inputs)"
        yield f"      real(dp), intent(out) :: y({f}_outputs), dydx({f}_inputs, {f}_outputs)"
        for l in range(L + 1):
            yield f"      real(dp) :: v{l}({self.d[l]})"
        if any(self.formula.transforms):
            yield f"      real(dp) :: v_y({f}_outputs)"
        yield "      integer :: k"
        yield from self._single()
        yield f"      y = {self._undone(f'x{L}(:{self.d[-1]})')}"
        yield f"      do k = 1, {f}_outputs"
        yield f"         v{L} = 0"
        yield f"         v{L}(k) = 1"
        for l in range(L, 0, -1):
            name, own = self.formula.layers[l - 1].theta, f"x{l}(:{self.d[l]})"
            if name == "softmax":
                yield f"         v{l} = {own}*(v{l} - sum({own}*v{l}))"
            elif name != "identity":
                yield f"         v{l} = v{l}*{SLOPES[name].format(own)}"
            yield f"         call back({self.d[l - 1]}, {self.d[l]}, {self.p[l]}, w{l}, v{l}, v{l - 1})"
        scaled = "v0*factor(k)/divisor" if self.formula.undo else "v0/divisor"
        yield f"         dydx(:, k) = {scaled if self.formula.plain else f'by_columns(x, {scaled})'}"
        yield "      end do"
        if any(self.formula.transforms):
            yield "      v_y = restored_slopes(y)"
            yield f"      do k = 1, {f}_outputs"
            yield "         dydx(:, k) = dydx(:, k)*v_y(k)"
            yield "      end do"
        yield "   end subroutine"

    def _values(self) -> Iterator[str]:
        """For scalars or arrays of any shape, by their names."""
        f, formula = self.f, self.formula
        reserved = {"dp", "all_x", "all_y", f"{f}_evaluate", f"{f}_inputs", f"{f}_outputs", f"{f}_values"}
        names = distinct([*formula.inputs, *formula.outputs], reserved, 60)
        x, y = names[: len(formula.inputs)], names[len(formula.inputs) :]
        yield ""
        yield "   !> The outputs for inputs that are scalars, or arrays of one shape."
        if len(y) == 1:
            yield f"   pure elemental function {f}_values( &"
            yield from self._wrapped(x, ", ", "")
            yield f"      ) result({y[0]})"
        else:
            yield f"   pure elemental subroutine {f}_values( &"
            yield from self._wrapped([*x, *y], ", ", "")
            yield "      )"
        yield from (f"      real(dp), intent(in) :: {name}" for name in x)
        yield from (f"      real(dp){', intent(out)' if len(y) > 1 else ''} :: {name}" for name in y)
        yield f"      real(dp) :: all_x({f}_inputs), all_y({f}_outputs)"
        yield from (f"      all_x({i}) = {name}" for i, name in enumerate(x, 1))
        yield f"      call {f}_evaluate(all_x, all_y)"
        yield from (f"      {name} = all_y({k})" for k, name in enumerate(y, 1))
        yield f"   end {'function' if len(y) == 1 else 'subroutine'}"

    def _class(self) -> Iterator[str]:
        threshold = self.formula.threshold
        best = f"merge(2, 1, y(1) > {threshold!r}_dp)" if threshold is not None else "maxloc(y, 1)"
        yield ""
        yield "   !> The number, from 1, of the class that the outputs y say, among the names; 0 if one is NaN."
        yield f"   pure integer(c_int) function {self.f}_class(y) bind(c)"
        yield f"      real(dp), intent(in) :: y({self.f}_outputs)"
        yield f"      {self.f}_class = merge({best}, 0, all(abs(y) >= 0))"
        yield "   end function"

    def _undone(self, x: str) -> str:
        undone = x if self.formula.undo is None else f"({x}*factor + offset_mean) + offset_shift"
        return f"restored({undone})" if any(self.formula.transforms) else undone

    def _encoded(self, x: str) -> str:
        return x if self.formula.plain else f"encoded({x})"

    def _array(self, name: str, values: np.ndarray) -> Iterator[str]:
        flat = values.ravel()
        yield f"   real(dp) :: {name}({flat.size})"
        for start in range(0, flat.size, STATEMENT):
            stop = min(start + STATEMENT, flat.size)
            yield f"   data {name}({start + 1}:{stop})/ &"
            yield from self._wrapped(numbers(flat[start:stop], "_dp"), ", ", "/")

    def _names(self, name: str, names: Sequence[str]) -> Iterator[str]:
        shown = [_short(text) for text in names]
        longest = max(1, *(len(text.encode()) for text in shown))
        yield f"   character(len={longest}), protected, public :: {self.f}_{name}({len(shown)})"
        for place, text in enumerate(shown, 1):
            yield f"   data {self.f}_{name}({place})/ &"
            yield from literal(text, 6)
            yield "      /"

    @staticmethod
    def _wrapped(words: Sequence[str], separator: str, end: str) -> Iterator[str]:
        """Words on lines that go on, the last of which ends with `end` or goes on as well."""
        *most, last = lines(words, 110, separator)
        yield from (f"      {line} &" for line in most)
        yield f"      {last}{end}" if end else f"      {last} &"


def _short(name: str) -> str:
    """A name on one line, of at most 100 letters; a data statement takes no expression for those that have no sign."""
    return " ".join("".join(letter if letter >= " " else " " for letter in name).split())[:100]
