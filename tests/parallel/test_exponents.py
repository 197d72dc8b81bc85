"""Which powers of two terms are multiples of: for each part and row the documented one, guessed or found."""

from __future__ import annotations

import numpy as np
import pytest
from sums import exponents, power

from distnn.parallel.fixed_point import Exponents, summable
from distnn.parallel.layout import Layout

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")
HEIGHTS = [3, 1, 2]  # of the parts of several tests
FINEST = 51 - 1074  # rows of lower exponents have the same unit
SIZES = [0, 5e-324, 2.0**-1060, 2.0**-1023, 2.0**-40, 2.0**-20, 2.0**-17, 2.0**-16, 0.3, 1, 3, 16, 2.0**15, 2.0**40]
SIZES += [2.0**900, 2.0**1019, 2.0**1020]


def start(bits: int = 51) -> Exponents:
    return Exponents(Layout([(height, 1) for height in HEIGHTS], np.float64, tail=False), bits)


def test_what_can_be_summed() -> None:
    """Parts for which 2^(53-k), above which no rounded term can be, is a float64."""
    for bits in range(22, 52):
        for part in range(980, 1025, 4):
            largest = np.array([power(part - 4), np.nextafter(power(part), 0)])
            expected = power(part + 53 - bits) < np.inf
            assert summable(largest, bits).tolist() == [expected] * 2, (bits, part)
    assert summable(np.array([np.inf, np.nan, 0, 5e-324]), 51).tolist() == [False, False, True, True]


def test_exponents_are_those_that_are_documented() -> None:
    """Whatever they were before; and where they are called right for other terms, these have the same ones."""
    generator = np.random.default_rng(7)
    found, largest, called_right = start(), np.ones(6), 0
    for _ in range(1000):
        if generator.random() < 0.5:
            largest = generator.choice(SIZES, 6)
        largest = largest * generator.choice([1, 1, 1, 0.5, 2, 1 - 2.0**-53], 6)
        right = found.for_largest(largest)
        if found.right(largest):
            called_right += 1
            assert (np.maximum(right.rows, FINEST) == np.maximum(found.rows, FINEST)).all()
        found = right
        of_parts = [exponents(rows.tolist()) for rows in np.split(largest, np.cumsum(HEIGHTS)[:-1])]
        documented = np.concatenate([rows for _, rows in of_parts])
        documents = (largest > 0) & np.repeat([part <= 1020 for part, _ in of_parts], HEIGHTS)
        np.testing.assert_array_equal(found.rows[documents], documented[documents])
    assert 100 < called_right < 900


def test_exponents_stay_where_any_will_do() -> None:
    """In a part that is 0 or cannot be summed, and in a row that is 0: as a unit that is off, and comes back."""
    found = start().for_largest(np.array([2.0**7, 2.0**-9, 3, 3, 2.0**-40, 2.0**40]))
    expected = [8, -8, 8, 4, -36, 44]
    assert found.rows.tolist() == expected
    for largest in ([2.0**7, 0, 3, 3, 0, 2.0**40], [0] * 6, [2.0**7, np.inf, 0, np.inf, np.inf, 0]):
        gone = found.for_largest(np.array(largest))
        assert gone.rows.tolist() == expected
        assert gone.all_summable is (np.inf not in largest)
        assert not gone.right(np.array([2.0**7, 2.0**-9, 3, 3, 2.0**-40, 2.0**40]))
    assert found.rows.tolist() == expected  # and these themselves are as they were


def test_from_where_to_where_exponents_are_right() -> None:
    """The bounds themselves: of the largest row of its part, of one that is not, of one at the finest unit, of 0."""
    largest = np.array([2.0**7, 2.0**-9, 0, 3, 5e-324, 2.0**-1050])
    found = start().for_largest(largest)
    assert found.rows.tolist()[:4] == [8, -8, 8, 4]
    assert not start().right(largest) and found.right(largest) is True
    bounds = [(2.0**4, 2.0**8), (2.0**-24, 2.0**-8), (0, 5e-324), (1, 2.0**4), (0, None), (0, 2.0**-1048)]
    for row, (lower, upper) in enumerate(bounds):
        for value, right in ((lower, True), (np.nextafter(lower, -1), False), (upper, False)):
            if value is not None and value >= 0:
                assert found.right(np.where(np.arange(6) == row, value, largest)) is right, (row, value)
        if upper:
            assert found.right(np.where(np.arange(6) == row, np.nextafter(upper, 0), largest)) is True, row


@pytest.mark.parametrize("bits", [51, 50])
def test_at_the_finest_unit_all_smaller_terms_may_be(bits: int) -> None:
    """Also where the exponent is the very one whose unit is the smallest number there is."""
    found = start(bits).for_largest(np.full(6, 2.0**-1025))
    assert (found.rows == -1024).all()
    assert found.right(np.full(6, 2.0**-1074)) and not found.right(np.full(6, 2.0**-1024))


def test_neighbours_are_what_may_soon_be_right() -> None:
    """The part's step up or down, whichever is nearer, with the rows that this moves; or a row's other steps."""
    largest = np.array([2.0**7, 2.0**-8, 0.9, 2.0**4, 2.0**-30, 2.0**41])
    found = start().for_largest(largest)
    assert found.part.tolist() == [8, 8, 44] and found.rows.tolist() == [8, -8 + 16, 8, 8, -20, 44]
    up_down_down = [12, 12 - 16, 12, 4, 40 - 64, 40]
    assert found.neighbours(largest, found.below).tolist() == up_down_down
    below = found.below + np.array([0, 16, 0, 0, -16, 0])
    assert found.neighbours(largest, below).tolist() == [12, 8 - 16, 12, 4, -20 + 16, 40]
    for top, step in ((2.0**6 * (1 + 2.0**-52), 4), (2.0**6 * (1 - 2.0**-52), -4), (2.0**8 * (1 - 2.0**-53), 4)):
        other = np.where(np.arange(6) == 0, top, largest)
        assert found.neighbours(other, found.below)[0] == 8 + step


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
