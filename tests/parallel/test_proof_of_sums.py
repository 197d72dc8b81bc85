"""Proofs, for every exponent and every float64, that terms are rounded as exactness.md says and no sum overflows.

An SMT solver proves it of the code as it is: constants come from running fixed_point.py and reduction.py, and the
operations from fixed_point.c. The same proofs fail for code that is wrong.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from availability import use_instructions
from solver import Value, need_solver
from symbolic import FORMATS, Code, Solver

from distnn.parallel import fixed_point, reduction
from distnn.parallel.layout import Layout
from distnn.parallel.ranks import OneRank

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("solver")]  # the C preprocessor is started
DOUBLE = FORMATS["double"]
FRACTION, FIELD = 52, 11  # bits of a float64, after its sign and, from the left, its exponent


@pytest.fixture(scope="module")
def solver() -> None:
    need_solver()


def changed(module: ModuleType, old: str, new: str) -> Any:
    """The module as it would be with another text."""
    source = Path(str(module.__file__)).read_text()
    assert old in source
    other = ModuleType(module.__name__)
    exec(compile(source.replace(old, new), "changed", "exec"), other.__dict__)
    return other


class Magic:
    """Of all magic numbers that a module may use: the bits of their fractions, and the field plus k, which are alike.

    bits: the most that a term may have. lowest, highest: fields.
    """

    def __init__(self, module: Any = fixed_point):
        self.bits = module.BITS
        found = []
        for bits in range(self.bits + 1):
            last = max(e for e in range(900, 1025) if module.summable(np.array([np.ldexp(0.75, e)]), bits)[0])
            exponents = np.arange(-1080, last + 1)
            with np.errstate(over="ignore"):
                made = module.Rounding(Layout([(len(exponents), 1)], np.float64, tail=False), bits, exponents)
            integers = made.magic.view(np.int64)
            k = -(np.frexp(made.unit)[1] - 1)
            assert (np.ldexp(1.0, -k) == made.unit).all() and (k == np.minimum(bits - exponents, 1074)).all()
            found.append(np.stack([integers >> FRACTION, k, integers & (1 << FRACTION) - 1]))
        fields, k, fractions = np.concatenate(found, axis=1)
        assert len(set(fields + k)) == len(set(fractions)) == 1
        self.sum, self.fraction = int(fields[0] + k[0]), int(fractions[0])
        self.lowest, self.highest = int(fields.min()), int(fields.max())


SUBNORMAL, FAR = 0, 55  # distances; FAR: and more


def rounds_to_nearest_even(magic: Magic, code: Code, distance: int) -> bool:
    """Whether a term g with |g| <= 2^(bits - k) adds the multiple of 2^-k nearest to it, and of two the even one.

    distance: by how much the exponent of g is below that of magic; by anything if g is SUBNORMAL.
    """
    solver = Solver(code)
    make, integer, assume = solver.make, solver.integer, solver.assume
    sign, field, fraction = solver.unknown(1), solver.unknown(11), solver.unknown(FRACTION)
    assume(make("BV_UGE", field, integer(magic.lowest, 11)))
    assume(make("BV_ULE", field, integer(magic.highest, 11)))
    if distance == SUBNORMAL:
        of_g, below = integer(0, 11), make("BV_SUB", field, integer(1, 11))
    else:
        below = solver.unknown(11) if distance == FAR else integer(distance, 11)
        of_g = make("BV_SUB", field, below)
        assume(make("BV_UGE", below, integer(distance, 11)))
        assume(make("BV_ULT", below, field))
    significand = make("BV_CONCAT", integer(distance != SUBNORMAL, 12), fraction)
    below = make("BV_CONCAT", integer(0, 53), below)
    assume(at_most(solver, significand, below, integer(magic.bits, 64)))

    g = solver.float_of(make("BV_CONCAT", sign, of_g, fraction), DOUBLE)
    at = make("BV_CONCAT", integer(0, 1), field, integer(magic.fraction, FRACTION))
    sum, largest = Value(solver.unknown(64), (), 64), solver.float_of(solver.unknown(64), DOUBLE)
    magic_of_row, begins = solver.float_of(at, DOUBLE), Value(integer(0, 64), (), 64)  # it is not the first term
    call = solver.run("add_rows_float64_portable", g, None, None, None, magic_of_row, sum, largest, begins)
    added = make("BV_SUB", make("BV_SUB", call.values["sum"].term, sum.term), at)

    nearest = integer(0, 64) if distance == FAR else to_nearest_even(solver, significand, below)
    signed = make("ITE", make("EQUAL", sign, integer(1, 1)), make("BV_NEG", nearest), nearest)
    return solver.holds(make("EQUAL", added, signed))


def stays_below(bits: int) -> bool:
    """Whether the multiple of 2^-k nearest to a term is at most 2^q where the term is at most 2^(q - k), for all q."""
    solver = Solver()
    number, below, q = solver.unknown(64), solver.unknown(64), solver.unknown(64)
    for term, limit in ((number, (1 << 53) - 1), (below, 2048), (q, bits)):
        solver.assume(solver.make("BV_ULE", term, solver.integer(limit, 64)))
    solver.assume(at_most(solver, number, below, q))
    largest = solver.make("BV_SHL", solver.integer(1, 64), q)
    return solver.holds(solver.make("BV_ULE", to_nearest_even(solver, number, below), largest))


def at_most(solver: Solver, number: Any, below: Any, q: Any) -> Any:
    """Whether number / 2^below <= 2^q."""
    whole = solver.make("BV_SHR", number, below)
    exact = solver.make("EQUAL", number, solver.make("BV_SHL", whole, below))
    limit = solver.make("BV_SHL", solver.integer(1, 64), q)
    equal = solver.make("AND", exact, solver.make("EQUAL", whole, limit))
    return solver.make("OR", equal, solver.make("BV_ULT", whole, limit))


def to_nearest_even(solver: Solver, number: Any, below: Any) -> Any:
    """number / 2^below as a whole number, for a number below 2^53."""
    make, integer = solver.make, solver.integer
    whole = make("BV_SHR", number, below)
    rest = make("BV_SUB", number, make("BV_SHL", whole, below))
    half = make("BV_SHL", integer(1, 64), make("BV_SUB", below, integer(1, 64)))
    odd = make("EQUAL", make("BV_AND", whole, integer(1, 64)), integer(1, 64))
    up = make("OR", make("BV_UGT", rest, half), make("AND", make("EQUAL", rest, half), odd))
    can = make("AND", make("BV_UGT", below, integer(0, 64)), make("BV_ULT", below, integer(55, 64)))
    return make("ITE", make("AND", can, up), make("BV_ADD", whole, integer(1, 64)), whole)


def decodes_with_one_rounding(code: Code) -> bool:
    """Whether what a sum is read as is the float64 nearest to so many 2^-k, for k up to 1022, unless it is too large.

    That is the one nearest to the sum as a whole number, with k taken off its exponent.
    """
    solver = Solver(code)
    make, integer = solver.make, solver.integer
    sum, field = solver.unknown(64), solver.unknown(11)
    solver.assume(make("BV_UGE", field, integer(1, 11)))
    solver.assume(make("BV_ULE", field, integer(2046, 11)))
    unit = solver.float_of(make("BV_CONCAT", integer(0, 1), field, integer(0, FRACTION)), DOUBLE)
    call = solver.run("decode_float64_portable", Value(sum, (), 64, False), None, None, unit)
    nearest = solver.bits_of(Value(make("FP_TO_FP_FROM_SBV", solver.nearest, sum, indices=DOUBLE), DOUBLE, 64))
    less = make("BV_SUB", make("BV_CONCAT", integer(0, 53), field), integer(1023, 64))  # -k
    exponent = make("BV_AND", make("BV_SHR", nearest, integer(FRACTION, 64)), integer(2047, 64))
    solver.assume(make("BV_SLE", make("BV_ADD", exponent, less), integer(2046, 64)))
    scaled = make("BV_ADD", nearest, make("BV_SHL", less, integer(FRACTION, 64)))
    zero = make("EQUAL", sum, integer(0, 64))
    return solver.holds(make("EQUAL", call.values["sum"].term, make("ITE", zero, nearest, scaled)))


def never_overflows(module: Any = reduction) -> bool:
    """Whether so many terms of 2^bits, or of -2^bits, as there are of the largest sum with so many bits, fit in 64
    bits, for every number of terms: bits depend on nothing but its digits."""
    for digits in range(1, 64):
        for count in (1 << (digits - 1), (1 << digits) - 1):
            bits = module.ExactSum(OneRank(), [1], 0, count).bits
            if count << bits >= 1 << 63:
                return False
    return True


def above_all_terms(module: Any = fixed_point) -> bool:
    """Whether every row's exponent is above its terms, for every largest term of it and of its part.

    As numpy finds it or compiled code, whichever is in use.

    Both depend on the power of two that a term is below, and on nothing else of it: so one term for each is all.
    """
    powers = np.arange(-1073, 1021)
    largest = np.ldexp(1.0, powers - 1)
    largest[1:] = np.nextafter(largest[1:] * 2, 0)
    for last in range(1, len(powers) + 1):
        exponents = module.Exponents(Layout([(last, 1)], np.float64, tail=False), module.BITS)
        found = exponents.for_largest(largest[:last])
        if not (found.rows >= powers[:last]).all() or not (found.part == -(-powers[last - 1] // 4) * 4).all():
            return False
    return True


def proved(magic: Magic, code: Code) -> bool:
    """For all normal g: of distance 0 are none, since they are 2^52 or more multiples."""
    return magic.bits < 52 and all(rounds_to_nearest_even(magic, code, distance) for distance in range(1, FAR + 1))


def test_every_term_is_rounded_to_the_nearest_even_multiple() -> None:
    """With every exponent and every normal float64; float32 are some of these."""
    assert proved(Magic(), Code("fixed_point.c"))


@pytest.mark.slow
def test_so_is_every_subnormal_term() -> None:
    """One question of half a minute or more: all the others of this file take less together."""
    assert rounds_to_nearest_even(Magic(), Code("fixed_point.c"), SUBNORMAL)


def test_a_bit_more_is_refuted() -> None:
    magic = Magic(changed(fixed_point, "BITS = 51", "BITS = 52"))
    assert not rounds_to_nearest_even(magic, Code("fixed_point.c"), 1)


def test_no_sum_overflows() -> None:
    """In any order: multiples are at most 2^bits, and all together fewer than 2^63."""
    assert stays_below(fixed_point.BITS) and never_overflows()


@pytest.mark.usefixtures("numpy_and_compiled")
def test_exponents_are_above_all_terms() -> None:
    assert above_all_terms()


def test_sums_are_read_with_one_rounding() -> None:
    assert decodes_with_one_rounding(Code("fixed_point.c"))
    assert not decodes_with_one_rounding(Code("fixed_point.c", {"(double)(int64_t)sum[i]": "(double)sum[i]"}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("np.ldexp(1.5, 52 - k,", "np.ldexp(1.25, 52 - k,"),
        ("np.ldexp(1.5, 52 - k,", "np.ldexp(1.75, 52 - k,"),
    ],
)
def test_another_magic_number_is_refuted(old: str, new: str) -> None:
    assert not proved(Magic(changed(fixed_point, old, new)), Code("fixed_point.c"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("double t = g[i] + at", "double t = (float)g[i] + at"),
        ("double t = g[i] + at", "double t = (g[i] + at / 2) + at / 2"),
        ("+ integer;", "+ (integer & ~(uint64_t)1);"),
    ],
)
def test_other_operations_are_refuted(old: str, new: str) -> None:
    assert not proved(Magic(), Code("fixed_point.c", {old: new}))


def test_too_many_terms_are_refuted() -> None:
    for new in ("64 - count.bit_length()", "63 - (count - 1).bit_length()"):
        assert not never_overflows(changed(reduction, "63 - count.bit_length()", new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-(-_frexp(largest) // STEP) * STEP", "_frexp(largest) // STEP * STEP"),
        ("- _frexp(largest)) // ROW_STEP", "- _frexp(largest) + 1) // ROW_STEP"),
    ],
)
def test_exponents_below_a_term_are_refuted(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_instructions("off", monkeypatch)
    assert not above_all_terms(changed(fixed_point, old, new))
