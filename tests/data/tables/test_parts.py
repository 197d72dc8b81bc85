"""Data sources over several ranks: the same table for all, each rank's own part only, the same error everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats import write_table
from sources import count_bytes, is_word

from distnn.data.tables import FORMATS, ArraySource, layout, lines, open_source
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

pytestmark = pytest.mark.mpi(min_size=2)


def share(n: int, ranks: Ranks) -> tuple[int, int]:
    """Uneven rows of a rank: none for rank 0 if there are fewer rows than ranks."""
    return n * ranks.rank // ranks.size, n * (ranks.rank + 1) // ranks.size


def write(path: Path, content: str, ranks: Ranks) -> None:
    if ranks.rank == 0:
        path.write_text(content)
    ranks.gather(None)  # a barrier


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("n", [1, 2, 5, 1000])
def test_every_rank_reads_its_rows(ending: str, n: int, ranks: Any, mpi_tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 256)
    monkeypatch.setattr(lines, "PIECE", 100)
    table = np.random.default_rng(n).normal(size=(n, 3))
    path = mpi_tmp_path / f"a{ending}"
    if ranks.rank == 0:
        write_table(path, table)
    ranks.gather(None)
    source = open_source(str(path), ranks)
    assert ranks.gather((source.n, source.columns)) == [(n, source.columns)] * ranks.size
    start, stop = share(n, ranks)
    source.prepare(start, stop)
    rows, _ = source.read(start, stop, [0, 1, 2])
    np.testing.assert_array_equal(np.concatenate(ranks.gather(rows)), table)


def test_every_rank_counts_its_own_bytes_only(ranks: Any, mpi_tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 12)
    path = mpi_tmp_path / "a.csv"
    write(path, "".join(f"{i},{i % 7}\n" for i in range(100_000)), ranks)
    taken = count_bytes(monkeypatch)
    source = open_source(str(path), ranks)
    assert source.n == 100_000
    expected = path.stat().st_size / ranks.size
    assert expected - 8192 < taken() < expected + 8192 + (3 * layout.SAMPLE if ranks.rank == 0 else 0)


def test_a_bad_row_of_the_last_rank_is_everyones_error(ranks: Any, mpi_tmp_path: Path) -> None:
    path = mpi_tmp_path / "a.csv"
    write(path, "x,y\n" + "1,2\n" * 99 + "1,nan\n", ranks)
    source = open_source(str(path), ranks)
    with (
        pytest.raises(UserError, match=r"line 101 \(row 99\), column y: 'nan' is not a finite number"),
        ranks.sharing_errors(),
    ):
        source.read(*share(100, ranks), [0, 1])


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_one_rank_lacks_is_everyones_error(ending: str, ranks: Any, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"  # each rank's own folder
    last = ranks.size - 1
    text = "1,2\n3,4\n"
    if ranks.rank != last:
        path.write_text(text)
    with pytest.raises(UserError, match="No such file or directory"):
        open_source(str(path), ranks)
    path.write_text(text if ranks.rank != last else text + text)
    with pytest.raises(UserError, match=rf"has 8 bytes for rank 0 but 16 for rank {last}; put it where all nodes"):
        open_source(str(path), ranks)


def test_a_bad_head_that_only_rank_0_reads_is_everyones_error(ranks: Any, mpi_tmp_path: Path) -> None:
    path = mpi_tmp_path / "a.csv"
    write(path, "a,b\n", ranks)
    with pytest.raises(UserError, match="but no rows"):
        open_source(str(path), ranks)


def test_a_change_on_the_way_is_everyones_error(ranks: Any, mpi_tmp_path: Path) -> None:
    path = mpi_tmp_path / "a.csv"
    write(path, "1,2\n" * 30, ranks)
    source = open_source(str(path), ranks)
    if ranks.rank == 0:
        os.truncate(path, 100)
    ranks.gather(None)
    with pytest.raises(UserError, match="was changed while it was being read"), ranks.sharing_errors():
        source.read(*share(30, ranks), [0, 1])


@pytest.mark.parametrize("trial", range(12))
def test_arrays_of_all_ranks_are_one_table(trial: int, ranks: Any) -> None:
    random = np.random.default_rng(trial)  # the same on all ranks
    counts = random.integers(0, 9, ranks.size)
    counts[random.integers(ranks.size)] = 0
    counts[random.integers(ranks.size)] += 1
    n, first = int(counts.sum()), int(counts[: ranks.rank].sum())
    own = slice(first, first + int(counts[ranks.rank]))
    X, weights = random.normal(size=(n, 3)), random.random(n)
    words = trial % 2 == 1
    Y: Any = np.array([f"word {random.integers(5)}{'!' * int(random.integers(5))}" for _ in range(n)])
    if not words:
        Y = random.normal(size=(n, 2))
    lists = trial % 3 == 0
    x, y, w = (values[own].tolist() if lists else values[own] for values in (X, Y, weights))
    source = ArraySource(x, y, w, ranks)
    assert source.n == n
    assert source.columns == ("x1", "x2", "x3", *(["y"] if words else ["y1", "y2"]), "weights")
    assert source.default_targets() == ((3,) if words else (3, 4))
    assert [is_word(source, column) for column in range(4)] == [False, False, False, words]
    for wanted in (sorted(random.integers(0, n + 1, (ranks.size, 2)).tolist()), [share(n, ranks)] * ranks.size):
        start, stop = sorted(wanted[ranks.rank])
        source.prepare(start, stop)
        if words:
            values, (texts,) = source.read(start, stop, [4, 0, 1, 2], [3])
            expected = np.column_stack([weights, X])
            assert list(texts) == list(Y[start:stop])
        else:
            values, _ = source.read(start, stop, range(6))
            expected = np.column_stack([X, Y, weights])
        np.testing.assert_array_equal(values, expected[start:stop])


@pytest.mark.parametrize("row", [0, 2])
def test_a_bad_number_is_named_by_the_rank_that_passed_it(row: int, ranks: Any) -> None:
    X = np.ones((4 + ranks.rank, 2))
    if ranks.rank == ranks.size - 1:
        X[row, 1] = np.nan
    source = ArraySource(X, X[:, 0], None, ranks)
    start, stop = (0, source.n) if ranks.rank == 0 else (0, 0)
    source.prepare(start, stop)
    place = rf"the arrays of rank {ranks.size - 1}, row {row}, column x2: nan is not a finite number"
    with pytest.raises(UserError, match=place), ranks.sharing_errors():
        source.read(start, stop, [0, 1, 2])


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        ((np.ones((3, 4)), np.ones(3), None), r"X differs over the ranks: 2 columns of numbers on rank 0, 4 columns"),
        (
            (np.ones((3, 2)), np.ones((3, 2)), None),
            r"Y differs over the ranks: 1 column of numbers on rank 0, 2 columns",
        ),
        ((np.ones((3, 2)), ["a", "b", "c"], None), r"Y differs .* 1 column of numbers on rank 0, 1 column of words"),
        ((np.ones((3, 2)), None, None), r"Y differs .* on rank 0, missing on rank"),
        ((np.ones((3, 2)), np.ones(3), np.ones(3)), r"weights differs over the ranks: missing on rank 0, 1 column"),
        ((np.ones((3, 2)), np.ones(4), None), r"must have the same number of rows, but X has 3, Y has 4"),
        ((np.ones((3, 2)) * 1j, np.ones(3), None), r"X holds complex numbers"),
        ((None, None, None), r"X is missing"),
    ],
)
def test_arrays_that_differ_are_everyones_error(last: tuple, sentence: str, ranks: Any) -> None:
    X, Y, weights = last if ranks.rank == ranks.size - 1 else (np.ones((3, 2)), np.ones(3), None)
    with pytest.raises(UserError, match=sentence):
        ArraySource(X, Y, weights, ranks)
