"""How terms lie in memory: parts, rows, chunks."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sums import quick, shape, size

from distnn.parallel import layout
from distnn.parallel.layout import Layout, Part

SORTS = st.one_of(st.integers(1, 40), st.tuples(*[st.integers(1, 9)] * 2))


@quick
@given(
    st.lists(SORTS, min_size=1, max_size=9), st.sampled_from(["float64", "float32"]), st.booleans(), st.integers(1, 30)
)
def test_chunks_cover_the_vector_once(parts: list[Part], dtype: str, tail: bool, width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "CHUNK", width)
        made = Layout(parts, dtype, tail)
    shapes = [*map(shape, parts)] + [(1, 1)] * tail
    lengths = [length for height, length in shapes for _ in range(height)]
    row_of = np.repeat(np.arange(len(lengths)), lengths)
    assert made.size == len(row_of) == size(parts) + tail
    assert made.lengths.tolist() == lengths
    term = np.zeros(made.width)
    made.head(term)[:] = np.arange(size(parts))
    if tail:
        term[-1] = size(parts)
    seen: list[int] = []
    for chunk in made.chunks:
        numbers = chunk.of(term)
        seen += numbers.tolist()
        assert numbers.tolist() == list(range(chunk.place.start, chunk.place.stop))
        assert numbers.dtype == chunk.dtype
        assert 0 < len(numbers) <= width
        own = row_of[chunk.place]
        assert list(range(len(lengths)))[chunk.rows] == sorted(set(own.tolist()))
        assert chunk.starts.tolist() == [int(np.argmax(own == row)) for row in sorted(set(own.tolist()))]
        np.testing.assert_array_equal(np.broadcast_to(chunk.row, chunk.shape).ravel(), own)
        held = [int((own == row).sum()) for row in sorted(set(own.tolist()))]
        assert chunk.row.size == (len(held) if len(set(held)) == 1 else len(numbers))  # no more than has to be read
        if chunk.place.stop not in (size(parts) if dtype == "float32" else made.size, made.size):
            assert len(numbers) + lengths[row_of[chunk.place.stop]] > width  # no room for what follows
    assert seen == list(range(made.size))


def test_what_there_is_for_each_part() -> None:
    made = Layout([2, (3, 2), 1], "float64", tail=False)
    assert made.of_parts(np.array([1.0, 2, 7, 3, 0])).tolist() == [1, 7, 0]
    assert made.numbers(np.array([1, 2, 3])).tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 3]


@pytest.mark.parametrize(("dtype", "width"), [("float64", 6), ("float32", 4)])
def test_the_tail_has_a_place_of_its_own(dtype: str, width: int) -> None:
    made = Layout([(5, 1)], dtype, tail=True)
    term = np.full(made.width, 7.0)
    assert made.width == width and len(made.head(term)) == 5 and made.head(term).dtype == dtype
    made.head(term)[:] = 1
    assert term[-1] == 7 and made.tail_at == 8 * (width - 1)
