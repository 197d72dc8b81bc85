"""The C code of the kernels run on arrays of small floating-point numbers: on all there are of some bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from solver import Value
from symbolic import Code, Solver

EXPONENT = 11  # bits, as in float64: nothing here is too large or too small
OPERATIONS: dict[str, Callable[..., Any]] = {
    "BV_ADD": np.add,
    "BV_SUB": np.subtract,
    "BV_MUL": np.multiply,
    "BV_AND": np.bitwise_and,
    "BV_OR": np.bitwise_or,
    "BV_XOR": np.bitwise_xor,
    "BV_NOT": np.invert,
    "FP_NEG": np.negative,
    "FP_LT": np.less,
    "FP_LEQ": np.less_equal,
    "FP_GT": np.greater,
    "FP_GEQ": np.greater_equal,
    "FP_EQUAL": np.equal,
    "EQUAL": np.equal,
    "DISTINCT": np.not_equal,
    "NOT": np.logical_not,
    "ITE": np.where,
}


class SmallNumbers(Solver):
    """Terms are arrays, of which floats have so many bits of significand as their format says, kept as float64."""

    def __init__(self, code: Code, bits: Mapping[str, int], instead: Mapping[str, Callable[..., Value]]):
        self.code, self.instead = code, instead
        self.formats = {name: (EXPONENT, p) for name, p in bits.items()}
        self.nearest = None

    def make(self, kind: str, *terms: Any, indices: Any = ()) -> Any:
        if kind in OPERATIONS:
            return OPERATIONS[kind](*terms)
        return {"FP_ADD": exact_sum, "FP_SUB": lambda a, b: exact_sum(a, -b), "FP_MUL": np.multiply}[kind](*terms[1:])

    def integer(self, number: int, bits: int) -> Any:
        return np.int64(number)

    def truth(self, value: Any) -> Any:
        return value.term != 0

    def literal(self, number: int | float, like: Value) -> Value:
        term = np.float64(number) if like.format else np.int64(number)
        return Value(term, like.format, like.bits, like.signed, like.vector)

    def bits_of(self, value: Value) -> Any:
        return value.term.view(np.int64) >> (64 - value.bits) if value.format else value.term

    def float_of(self, bits: Any, format: tuple[int, int], vector: bool = False) -> Value:
        return Value((bits << (64 - sum(format))).view(np.float64), format, sum(format), vector=vector)

    def widened(self, value: Value, format: tuple[int, int]) -> Value:
        return Value(rounded(value.term, format[1]), format, sum(format), vector=value.vector)

    def fused(self, a: Value, b: Value, c: Value) -> Value:
        return Value(rounded(exact_sum(a.term * b.term, c.term), a.format[1]), a.format, a.bits, vector=True)

    def binary(self, op: str, left: Any, right: Any) -> Any:
        found = super().binary(op, left, right)
        if isinstance(found, Value) and found.format:
            found.term = rounded(found.term, found.format[1])
        return found


def exact_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b, which must be a float64."""
    sum = np.add(a, b)
    part = sum - a
    assert ((a - (sum - part)) + (b - part) == 0).all(), "a sum needs more than 53 bits"
    return sum


def rounded(a: np.ndarray, bits: int) -> np.ndarray:
    """To so many bits, ties to even."""
    off, integers = 53 - bits, np.asarray(a, np.float64).view(np.int64)
    half = ((1 << off) >> 1) - 1 + (integers >> off & 1)
    return ((integers + half) >> off << off).view(np.float64)
