"""Terms as whole multiples of a power of two: compiled code adds them as numpy does."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sums import bits, quick

from distnn.kernels import library
from distnn.parallel import fixed_point
from distnn.parallel.fixed_point import Add, InC, InNumpy, Rounding, chunks

pytestmark = pytest.mark.usefixtures("numpy_and_compiled")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_code_adds_as_numpy_does(dtype: type) -> None:
    """Multiples and largest magnitudes, for parts that begin and end anywhere, of all magnitudes, NaN and infinity."""
    of, sizes = library.instructions(), [1, 70, 3, 20_000, 129, 1]
    generator = np.random.default_rng(3)
    values = generator.normal(size=(6, sum(sizes))) * 10.0 ** generator.integers(-20, 20, sum(sizes))
    values = values.astype(dtype)
    values[1, 40], values[2, 41], values[3, 100], values[4, -1] = np.nan, -1, -np.inf, -np.nan
    values[:, 0] = [0, -0.0, 0, -0.0, 0, 0]
    cut = chunks(np.array(sizes))
    exponents = [np.full(len(sizes), 4), np.full(len(sizes), 60)]

    def added(way: InNumpy | InC) -> tuple[list[list[int]], bytes, bytes]:
        largest = np.zeros(len(sizes))
        roundings = [Rounding(sum(sizes), cut, 51, exponent) for exponent in exponents]
        for made in roundings:
            made.begin(len(values))
        add: Add = way.adder(largest, roundings)
        for term in values:
            add(term)
        multiples = [made.sum[:-2].tolist() for made in roundings]
        totals = np.array([way.decode(made) for made in roundings])
        return multiples, bits(np.nan_to_num(largest, nan=-1)), bits(totals)

    with np.errstate(all="ignore"):
        expected = added(InNumpy(cut, np.dtype(dtype)))
        chosen = fixed_point.arithmetic(sizes, cut, np.dtype(dtype))
        assert isinstance(chosen, InNumpy if of is None else InC)
        found = added(chosen)
    assert found == expected


@quick
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 30))
def test_chunks_cover_the_vector_once(sizes: list[int], width: int) -> None:
    part_of = np.repeat(np.arange(len(sizes)), sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixed_point, "CHUNK", width)
        cut = chunks(np.array(sizes))
    assert np.concatenate([np.arange(sum(sizes))[chunk.place] for chunk in cut]).tolist() == list(range(sum(sizes)))
    for place, parts, starts in cut:
        assert 0 < place.stop - place.start <= width
        own = part_of[place]
        assert list(range(len(sizes)))[parts] == sorted(set(own.tolist()))
        assert starts.tolist() == [int(np.argmax(own == part)) for part in sorted(set(own.tolist()))]
