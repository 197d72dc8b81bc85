"""What the tests of data sources share: strategies for tables, and every slice compared with what is expected."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.extra import numpy as hnp

from distnn.data.tables import Source, dialect, files, open_source
from distnn.data.tables.source import Missing
from distnn.parallel.ranks import OneRank

quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
finite = st.floats(allow_nan=False, allow_infinity=False)

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
    lambda word: not dialect.is_number(word)
)
real = st.one_of(
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.boolean_dtypes(),
)
arrays = real.flatmap(
    lambda dtype: hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=12),
        elements={"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else None,
    )
)


def opened(path: Path | str, content: bytes | str | None = None, **options: Any) -> Source:
    if content is not None:
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
    return open_source(str(path), OneRank(), **options)


def is_word(source: Source, column: int) -> bool:
    """Does a column hold words, as the source says or, where it does not, its first row?"""
    if source.kind(column) is not None:
        return source.kind(column) == "words"
    word = str(source.read(0, 1, [], [column], missing=Missing(frozenset()))[1][0][0])
    return word != "" and source.number(word) is None


def everything(source: Source) -> tuple[np.ndarray, list[np.ndarray]]:
    """All rows of all columns: those of numbers, and those of words."""
    words = [column for column in range(len(source.columns)) if is_word(source, column)]
    return source.read(0, source.n, [c for c in range(len(source.columns)) if c not in words], words)


def check_slices(source: Source, numbers: np.ndarray, words: list[list[str]]) -> None:
    """Every slice equals that of the expected table; numbers: n × columns of numbers."""
    of_words = [column for column in range(len(source.columns)) if is_word(source, column)]
    of_numbers = [column for column in range(len(source.columns)) if column not in of_words]
    assert source.n == len(numbers) and len(of_words) == len(words) and len(of_numbers) == numbers.shape[1]
    cuts = {0, 1, source.n // 3, source.n // 2, source.n - 1, source.n} if source.n > 8 else set(range(source.n + 1))
    for start in cuts:
        for stop in (stop for stop in cuts if stop >= start):
            values, texts = source.read(start, stop, of_numbers, of_words)
            assert values.dtype == np.float64 and values.flags.c_contiguous
            np.testing.assert_array_equal(values, numbers[start:stop])
            assert [list(text) for text in texts] == [list(column[start:stop]) for column in words]


def count_bytes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count what is read from data files from now on; the function gives the bytes since its last call."""
    taken = 0

    class Counting(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal taken
            found = super().readinto(buffer) or 0
            taken += found
            return found

    def since() -> int:
        nonlocal taken
        found, taken = taken, 0
        return found

    monkeypatch.setattr(files, "open", lambda path, mode: io.BufferedReader(Counting(path), 512), raising=False)
    return since
