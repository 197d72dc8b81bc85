"""Proofs that 2^k of tanh and exp - 1 is a number, for every finite x: k goes into the bits of its exponent.

k + ROUND is a multiplication and addition, rounded once, of y between two ends: so it lies between those of the ends.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from checkout import CHECKOUT
from solver import Value, need_solver
from symbolic import FORMATS, Code, Solver

TYPES = {"float64": ("double", 52, 1023), "float32": ("float", 23, 127)}
ENDS = [("float64", "-44", "40"), ("float64", "LOWEST", "0"), ("float32", "LOWEST", "0")]  # of exp - 1, of tanh

pytestmark = pytest.mark.job  # the C preprocessor is started


@pytest.fixture(autouse=True, scope="module")
def solver() -> None:
    need_solver()


CSRC = CHECKOUT / "distnn" / "kernels" / "csrc"


def constant(name: str, changes: dict[str, str]) -> float:
    """A number that passes.c names, or one as it is."""
    text = (CSRC / "passes.c").read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    found = re.search(rf"#define {name} (\S+)", text)
    return float((found[1] if found else name).rstrip("f"))


def powers_are_numbers(dtype: str, low: str, high: str, changes: dict[str, str] | None = None) -> bool:
    """Whether power_of_2 of every k + ROUND between those of the ends is 2^k, a normal number."""
    changes = changes or {}
    name, mantissa, bias = TYPES[dtype]
    round, log2_e = constant(f"{dtype.upper()}_ROUND", changes), np.dtype(dtype).type(constant("LOG2_E", changes))
    ends = [low, high] if low != "LOWEST" else [f"{dtype.upper()}_LOWEST", high]
    sums = [Fraction(constant(end, changes)) * Fraction(float(log2_e)) + Fraction(round) for end in ends]
    format = FORMATS[name]
    solver = Solver(Code("passes.c", changes))
    make, bits = solver.make, sum(format)
    rounded = solver.float_of(solver.unknown(bits), format, vector=True)
    sort = solver.manager.mk_fp_sort(*format)
    least, most = [solver.manager.mk_fp_value(sort, solver.nearest, *map(str, s.as_integer_ratio())) for s in sums]
    solver.assume(make("FP_LEQ", least, rounded.term))
    solver.assume(make("FP_LEQ", rounded.term, most))
    k = Value(solver.bits_of(rounded), (), bits, True, True)
    power = solver.result(solver.run(f"power_of_2_{dtype}_portable", k))
    assert isinstance(power, Value)
    at_0 = solver.literal(round, rounded)
    exact = make("FP_SUB", solver.nearest, rounded.term, at_0.term)
    exponent = make("BV_ADD", make("FP_TO_SBV", solver.nearest, exact, indices=[bits]), solver.integer(bias, bits))
    above, largest = make("BV_SGT", exponent, solver.integer(0, bits)), solver.integer(2 * bias, bits)
    within = make("AND", above, make("BV_SLE", exponent, largest))
    expected = make("BV_SHL", exponent, solver.integer(mantissa, bits))
    return solver.holds(make("AND", within, make("EQUAL", solver.bits_of(power), expected)))


@pytest.mark.parametrize(("dtype", "low", "high"), ENDS)
def test_every_power_of_2_is_a_number(dtype: str, low: str, high: str) -> None:
    assert powers_are_numbers(dtype, low, high)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FLOAT64_LOWEST -44.0", "FLOAT64_LOWEST -710.0"),
        ("FLOAT64_ROUND 6755399441055744.0", "FLOAT64_ROUND 6755399441055743.0"),
        ("FLOAT64_ROUND 6755399441055744.0", "FLOAT64_ROUND 13510798882111488.0"),
        ("FLOAT64_BIAS 1023", "FLOAT64_BIAS 1024"),
        ("FLOAT64_MANTISSA 52", "FLOAT64_MANTISSA 51"),
    ],
)
def test_other_constants_are_refuted(old: str, new: str) -> None:
    assert not powers_are_numbers("float64", "LOWEST", "0", {old: new})


def test_both_factors_of_exp_are_numbers() -> None:
    """2^k as 2^(k >> 1) 2^(k - (k >> 1)), since k may be beyond the exponents there are."""
    text = (CSRC / "elementary.h").read_text()
    limits = re.findall(r"at_least\)\(ALL\(-(\d+)\), y\)|\(y > (\d+), ALL\(\2\), y\)", text)
    largest = max(int(low or high) for low, high in limits)
    assert largest == 800 and "half = k >> 1" in text
    most = int(largest * constant("LOG2_E", {})) + 1
    halves = np.arange(-most, most + 1) >> 1
    for factor in (halves, np.arange(-most, most + 1) - halves):
        assert factor.min() > -1023 and factor.max() < 1024
