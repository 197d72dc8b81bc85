"""Functions of numbers: elementary.h in csrc/, as algebra.py says; and some of single numbers that need no C."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

import numpy as np

from distnn.kernels.arrays import compiled
from distnn.kernels.library import FUNCTIONS
from distnn.kernels.memory import beginning, is_in_rows, step

DECIMAL = Context(prec=40)  # digits: float64 has 17


def apply(name: str, x: np.ndarray) -> None:
    """Replace the numbers of x, float64 or float32, by a function of them, one of FUNCTIONS. Local."""
    function = compiled("elementwise", x.dtype)
    if function is None:
        NUMPY[name](x)
        return
    rows = x if is_in_rows(x, x.dtype) else np.ascontiguousarray(x).reshape(1, -1)
    place = beginning(rows), step(rows)
    function(FUNCTIONS.index(name), *rows.shape, *place, *place)
    if rows is not x:
        x[...] = rows.reshape(x.shape)


def applied(name: str, x: np.ndarray) -> np.ndarray:
    """`apply` to a copy. Local."""
    found = np.array(x)
    apply(name, found)
    return found


def value(name: str, number: float) -> float:
    """A function of one number, one of FUNCTIONS. Local."""
    return float(applied(name, np.array([number]))[0])


def _logistic(x: np.ndarray) -> None:
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5


NUMPY: dict[str, Callable[[np.ndarray], object]] = {
    "tanh": lambda x: np.tanh(x, out=x),
    "logistic": _logistic,
    "relu": lambda x: np.maximum(x, 0, out=x),
    "identity": lambda x: None,
    "exp": lambda x: np.exp(x, out=x),
    "expm1": lambda x: np.expm1(x, out=x),
    "log": lambda x: np.log(x, out=x),
    "log1p": lambda x: np.log1p(x, out=x),
}


def power(x: float, n: int) -> float:
    """xⁿ for a whole n ≥ 0, by squaring: the C library's differs from machine to machine."""
    found = 1.0
    while n:
        if n & 1:
            found *= x
        x, n = x * x, n >> 1
    return found


def inverse_root(n: int) -> float:
    """1/√n for a whole n ≥ 1, rounded once: the C library's power differs in the last bit for one n in a thousand."""
    return float(DECIMAL.divide(Decimal(1), DECIMAL.sqrt(Decimal(n))))


def cosine_of_half_turns(x: float) -> float:
    """cos π x for 0 ≤ x ≤ 1, by the series of cosine and sine."""
    if x > 0.5:
        return -cosine_of_half_turns(1 - x)
    first, angle = (0, math.pi * x) if x <= 0.25 else (1, math.pi * (0.5 - x))
    found = 0.0
    for k in range(first + 20, first, -2):  # Horner's scheme: 1 - a²/(1·2) (1 - a²/(3·4) (…))
        found = angle * angle / ((k - 1) * k) * (1 - found)
    return (1 - found) * (angle if first else 1.0)
