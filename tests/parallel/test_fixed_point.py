"""Terms as whole multiples of a power of two: compiled code adds them as numpy does."""

from __future__ import annotations

import numpy as np
import pytest
from sums import bits

from distnn.kernels import library
from distnn.parallel import fixed_point
from distnn.parallel.fixed_point import Add, Exponents, InC, InNumpy, Rounding
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


def test_exponents_of_parts_and_rows() -> None:
    """Those of parts in steps of 4; those of rows, where they can be lower, in steps of 16 from there."""
    layout = Layout([(6, 1), 1, (2, 1)], np.float64, tail=False)
    start = Exponents(layout, 51)
    largest = np.array([2.0**7, 2.0**-7, 2.0**-9, 2.0**-25, 2.0**-25 * 0.9, 0, 3, 0, 0])
    found = start.for_largest(largest)
    assert found.part.tolist() == [8, 4, 0]
    assert found.rows.tolist() == [8, 8, -8, -24, -24, 8, 4, 0, 0]
    assert not start.right(largest) and found.right(largest)
    largest[-1] = 1
    assert not found.right(largest)
    found = found.for_largest(largest)
    assert found.right(largest) is True
    assert found.part.tolist() == [8, 4, 4]
    for place, factor in ((0, 2), (0, 1 / 16), (1, 0.49), (2, 2), (3, 2), (6, 1 / 8), (8, 1 / 16), (8, 16)):
        other = largest.copy()
        other[place] *= factor
        assert found.right(other) is False, place
        assert (found.for_largest(other).rows != found.rows).any()
    vanished = np.where(np.arange(9) == 2, 0, largest)
    assert found.for_largest(vanished).rows.tolist() == found.rows.tolist()
    assert found.for_largest(vanished).right(vanished) and not found.for_largest(vanished).right(largest)
    assert found.for_largest(np.where(np.arange(9) == 2, np.inf, largest)).rows.tolist() == found.rows.tolist()
