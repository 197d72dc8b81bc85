"""What a fused multiplication and addition is made of where the CPU has none: the code itself, on all small numbers.

That the algorithm is right for any number of bits from 5 on, S. Boldo and G. Melquiond have proved (2008). That fma.h
is this algorithm: its text is run with numbers of 5 and 6 bits, on every pair of significands and whatever may be added
to their product.
"""

from __future__ import annotations

import numpy as np
import pytest
from solver import Value, need_solver
from symbolic import Code

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("solver")]  # the C preprocessor is started

REACH = 14  # powers of two that what is added is above the product, and below: more than twice the bits


def significands(bits: int) -> np.ndarray:
    return np.arange(1 << (bits - 1), 1 << bits) / (1 << (bits - 1))


def operands(bits: int) -> list[np.ndarray]:
    """a, b and c: significands, and 0 with both signs."""
    a = np.concatenate([significands(bits), -significands(bits), [0, -0.0]])
    b = np.concatenate([significands(bits), [0]])
    c = np.ldexp(significands(bits)[:, None], np.arange(-REACH, REACH + 1)).ravel()
    grid = np.meshgrid(a, b, np.concatenate([c, -c, [0, -0.0]]))
    return [np.ascontiguousarray(part.ravel()) for part in grid]


def wrong(name: str, bits: int, of_double: int, changes: dict[str, str] | None = None) -> int:
    """For how many a, b, c the function is not a b + c, rounded once."""
    constants = {"134217729.0": f"{(1 << (bits + 1) // 2) + 1}.0"}  # half the bits, and 1
    from small_numbers import SmallNumbers

    code = Code("passes.c", changes or {}, constants)
    numbers = SmallNumbers(code, {"double": of_double, "float": bits}, {"slow_fma": lambda a, b, c: not_a_number(a)})
    a, b, c = [Value(term, (11, bits), 11 + bits, vector=True) for term in operands(bits)]
    found = numbers.result(numbers.run(name, a, b, c))
    assert isinstance(found, Value)
    return int((found.term.view(np.int64) != numbers.fused(a, b, c).term.view(np.int64)).sum())


@pytest.fixture(scope="module")
def solver() -> None:
    need_solver()


def not_a_number(a: Value) -> Value:
    return Value(np.full_like(a.term, np.nan), a.format, a.bits, vector=True)


@pytest.mark.parametrize("bits", [5, 6])
def test_of_float64(bits: int) -> None:
    assert wrong("fma_of_pair", bits, bits) == 0


@pytest.mark.parametrize("bits", [4, 5])
def test_of_float32_by_float64(bits: int) -> None:
    """Which has two bits more than twice as many."""
    assert wrong("fma_of_four", bits, 2 * bits + 2) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("high + odd_sum(low, lowest)", "high + (low + lowest)"),
        ("((PAIR_MASK)(product + c) & nothing)", "((PAIR_MASK)sum & nothing)"),
        ("(error > 0) ^ (sum > 0)", "(error > 0)"),
        ("step & inexact & even", "step & inexact"),
        ("a_high * b_low + a_low * b_high", "a_high * b_low"),
        ("large - (large - x)", "x"),
    ],
)
def test_what_is_wrong_is_found(old: str, new: str) -> None:
    assert wrong("fma_of_pair", 5, 5, {old: new}) > 0


def test_a_sum_that_is_rounded_twice_is_found() -> None:
    assert wrong("fma_of_four", 4, 10, {"step & inexact & even": "0 * step & inexact & even"}) > 0
