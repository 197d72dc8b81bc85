"""Fortran for what is made of columns that are not inputs as they stand, and for outputs that are transformed."""

from __future__ import annotations

from collections.abc import Iterator

from distnn.inference.export.formula import Column, Formula

FORWARD = {"log": "log({})", "log1p": "log1p({})"}
ABOVE = {"log": 0, "log1p": -1}  # what a number has to be
INVERSE = {"log": "exp({})", "log1p": "expm1({})"}
LONGEST = 120  # bytes of a line, which may have 132 letters
OF_C = """
   interface
      pure real(dp) function {0}(x) bind(c)
         import :: dp
         real(dp), intent(in), value :: x
      end function
   end interface"""
WORD = """
   !> z(k) = 1 for the word of this number, else 0; none for a missing one, NaN. NaN for what is no number of a word.
   pure function encoded_word(number, words, may_be_missing) result(z)
      real(dp), intent(in) :: number
      integer, intent(in) :: words
      logical, intent(in) :: may_be_missing
      real(dp) :: z(words)
      integer :: k
      z = 0
      if (ieee_is_nan(number)) then
         if (.not. may_be_missing) z = number
      else
         do k = 1, words
            if (abs(number - k) <= 0) z(k) = 1
         end do
         if (.not. any(z > 0)) z = ieee_value(number, ieee_quiet_nan)
      end if
   end function
"""


def from_c(formula: Formula) -> Iterator[str]:
    """Interfaces of the functions of C's library that are used."""
    if any(column.transform == "log1p" for column in formula.columns):
        yield OF_C.format("log1p")
    if "log1p" in formula.transforms:
        yield OF_C.format("expm1")


def encoded(formula: Formula) -> Iterator[str]:
    """Functions that make the inputs z of the network of the columns x, and of derivatives by z those by x."""
    yield ""
    yield "   pure recursive function encoded(x) result(z)"
    yield f"      real(dp), intent(in) :: x({len(formula.columns)})"
    yield f"      real(dp) :: z({formula.d[0]})"
    first = 1
    for j, column in enumerate(formula.columns, 1):
        yield from _inputs(column, j, first)
        first += column.width
    yield "   end function"
    if formula.differentiable:
        yield ""
        yield "   pure recursive function by_columns(x, v) result(dydx)"
        yield f"      real(dp), intent(in) :: x({len(formula.columns)}), v({formula.d[0]})"
        yield f"      real(dp) :: dydx({len(formula.columns)})"
        yield "      dydx = x ! what follows sets all of them"
        first = 1
        for j, column in enumerate(formula.columns, 1):
            if column.kind == "words":
                yield f"      dydx({j}) = ieee_value(x({j}), ieee_quiet_nan)"
            elif column.transform is None:
                yield f"      dydx({j}) = v({first})"
            else:
                plus = "1 + " if column.transform == "log1p" else ""
                yield f"      dydx({j}) = v({first})/({plus}{_filled(column, j)})"
            first += column.width
        yield "   end function"
    if formula.words:
        yield WORD


def look_up(formula: Formula, f: str) -> Iterator[str]:
    """The function that gives the number of a word."""
    yield ""
    yield "   !> The number of a word of an input, to stand for it in x; 0 if there is none. A missing word is NaN."
    yield f"   pure integer function {f}_word(input, word)"
    yield "      integer, intent(in) :: input"
    yield "      character(len=*), intent(in) :: word"
    yield f"      {f}_word = 0"
    for j, column in formula.words:
        for number, word in enumerate(column.categories, 1):
            yield f"      if (input == {j + 1} .and. word == &"
            yield from literal(word, 9)
            yield f"         ) {f}_word = {number}"
    yield "   end function"


def literal(text: str, margin: int) -> Iterator[str]:
    """A text as an expression, in lines that go on, the last one too; `margin` spaces before each."""
    line = " " * margin + '"'
    for letter in text:
        unit = letter * 2 if letter == '"' else letter if letter >= " " else f'"//achar({ord(letter)})//"'
        if len((line + unit).encode()) > LONGEST:
            yield f"{line}&"
            line = " " * margin + "&"
        line += unit
    yield f'{line}" &'


def restored(formula: Formula) -> Iterator[str]:
    """Functions that take outputs back through their transforms, and give the derivative of that, y being an output."""
    known = [(k, name) for k, name in enumerate(formula.transforms, 1) if name is not None]
    yield ""
    yield "   pure recursive function restored(u) result(y)"
    yield f"      real(dp), intent(in) :: u({len(formula.outputs)})"
    yield f"      real(dp) :: y({len(formula.outputs)})"
    yield "      y = u"
    yield from (f"      y({k}) = {INVERSE[name].format(f'u({k})')}" for k, name in known)
    yield "   end function"
    if formula.differentiable:
        yield ""
        yield "   pure recursive function restored_slopes(y) result(slopes)"
        yield f"      real(dp), intent(in) :: y({len(formula.outputs)})"
        yield f"      real(dp) :: slopes({len(formula.outputs)})"
        yield "      slopes = 1 + 0*y"
        yield from (f"      slopes({k}) = y({k}){' + 1' if name == 'log1p' else ''}" for k, name in known)
        yield "   end function"


def _inputs(column: Column, j: int, first: int) -> Iterator[str]:
    last = first + column.width - 1
    if column.kind == "words":
        missing = ".true." if column.fill is not None else ".false."
        words = len(column.categories)
        yield f"      z({first}:{first + words - 1}) = encoded_word(x({j}), {words}, {missing})"
    else:
        value = _filled(column, j)
        yield f"      z({first}) = {FORWARD[column.transform].format(value) if column.transform else value}"
        if column.transform:
            limit = ABOVE[column.transform]
            yield f"      if (.not. {value} > {limit}) z({first}) = ieee_value(z({first}), ieee_quiet_nan)"
    if column.indicator:
        yield f"      z({last}) = merge(1, 0, ieee_is_nan(x({j})))"


def _filled(column: Column, j: int) -> str:
    return f"x({j})" if column.fill is None else f"merge({float(column.fill)!r}_dp, x({j}), ieee_is_nan(x({j})))"
