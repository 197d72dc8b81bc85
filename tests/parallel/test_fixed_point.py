"""Terms as whole multiples of a power of two: compiled code adds them as numpy does."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sums import bits

from distnn.kernels import library
from distnn.parallel import fixed_point
from distnn.parallel.fixed_point import Add, InC, InNumpy, Rounding
from distnn.parallel.layout import Layout

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_code_adds_as_numpy_does(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiples and largest magnitudes, for rows that begin and end anywhere, of all magnitudes, NaN and infinity."""
    monkeypatch.setattr("distnn.parallel.layout.CHUNK", 64)
    layout = Layout([1, 70, (40, 10), 3, 200, (39, 1), 1], dtype, tail=True)
    generator, rows = np.random.default_rng(3), len(layout.lengths)
    values = generator.normal(size=(6, layout.size)) * 10.0 ** generator.integers(-20, 20, layout.size)
    values[:, :-1] = values[:, :-1].astype(dtype)
    values[1, 40], values[2, 41], values[3, 100], values[4, -2] = np.nan, -1, -np.inf, -np.nan
    values[:, 0] = [0, -0.0, 0, -0.0, 0, 0]
    values[:, -1] *= 1e200
    terms = np.empty((6, layout.width))
    for term, row in zip(terms, values, strict=True):
        layout.head(term)[:], term[-1] = row[:-1], row[-1]
    exponents = [np.full(rows, 4), np.arange(rows)]

    def added(way: InNumpy | InC) -> tuple[list[list[int]], bytes, bytes]:
        largest = np.zeros(rows)
        roundings = [Rounding(layout, 51, exponent) for exponent in exponents]
        for made in roundings:
            made.begin(len(values))
        add: Add = way.adder(largest, roundings)
        for term in terms:
            add(term)
        multiples = [made.sum[:-2].tolist() for made in roundings]
        totals = np.array([way.decode(made) for made in roundings])
        return multiples, bits(np.nan_to_num(largest, nan=-1)), bits(totals)

    with np.errstate(all="ignore"):
        expected = added(InNumpy(layout))
        chosen = fixed_point.arithmetic(layout)
        assert isinstance(chosen, InNumpy if library.instructions() is None else InC)
        found = added(chosen)
    assert found == expected


@pytest.mark.parametrize("bits", [51, 40])
@pytest.mark.parametrize("exponent", [-1074, -1030, -1023, -8, 0, 20, 1008])
def test_terms_become_whole_multiples(bits: int, exponent: int) -> None:
    """Rounded to the nearest, ties to even; added as integers; and read again as so many units."""
    layout = Layout([(2, 9), 9], np.float64, tail=False)
    powers = [exponent, exponent - 16, exponent]
    units = [max(power - bits, -1074) for power in powers]
    factors = np.array([0, -0.0, 0.5, -1.5, 2.5, 1.25, -(2.0 ** (bits - 20)) - 0.5, 3, 0.75])
    rows = np.array([np.ldexp(factors * f, unit) for f in (1, -7, 1 / 3) for unit in units]).reshape(3, 27)
    made = Rounding(layout, bits, np.array(powers))
    made.begin(len(rows))
    way, largest = fixed_point.arithmetic(layout), np.zeros(3)
    add = way.adder(largest, [made])
    for row in rows:
        add(row)
    assert largest.tolist() == np.abs(rows).reshape(3, 3, 9).max(axis=(0, 2)).tolist()
    expected = [
        sum(round(Fraction(value) / Fraction(2) ** unit) for value in column)
        for unit, columns in zip(units, rows.T.reshape(3, 9, 3).tolist(), strict=True)
        for column in columns
    ]
    assert made.sum[:-2].tolist() == expected
    totals = [m * Fraction(2) ** unit for m, unit in zip(expected, np.repeat(units, 9).tolist(), strict=True)]
    assert way.decode(made).tolist() == [float(total) for total in totals]
