"""Data sources: every slice equals what Python's csv module and NumPy read; bad input is one sentence."""

from __future__ import annotations

import csv
import io
import os
import struct
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as hnp

from distnn.communicator import OneRank
from distnn.data import FORMATS, ArraySource, Source, column_numbers, dialect, files, layout, lines, open_source
from distnn.data.exclusive_or import H1, H2, ExclusiveOr
from distnn.errors import UserError

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and pieces of a few lines, so that small files have many."""
    monkeypatch.setattr(lines, "SEGMENT", 64)
    monkeypatch.setattr(lines, "PIECE", 48)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One folder for the many files of a hypothesis test."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def opened(path: Path | str, content: bytes | str | None = None, **options: Any) -> Source:
    if content is not None:
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
    return open_source(str(path), OneRank(), **options)


def everything(source: Source) -> tuple[np.ndarray, list[np.ndarray]]:
    """All rows of all columns: those of numbers, and those of words."""
    words = [column for column in range(len(source.columns)) if source.is_word(column)]
    return source.read(0, source.n, [c for c in range(len(source.columns)) if c not in words], words)


def check_slices(source: Source, numbers: np.ndarray, words: list[list[str]]) -> None:
    """Every slice equals that of the expected table; numbers: n × columns of numbers."""
    of_words = [column for column in range(len(source.columns)) if source.is_word(column)]
    of_numbers = [column for column in range(len(source.columns)) if column not in of_words]
    assert source.n == len(numbers) and len(of_words) == len(words) and len(of_numbers) == numbers.shape[1]
    cuts = {0, 1, source.n // 3, source.n // 2, source.n - 1, source.n} if source.n > 8 else set(range(source.n + 1))
    for start in cuts:
        for stop in (stop for stop in cuts if stop >= start):
            values, texts = source.read(start, stop, of_numbers, of_words)
            assert values.dtype == np.float64 and values.flags.c_contiguous
            np.testing.assert_array_equal(values, numbers[start:stop])
            assert [list(text) for text in texts] == [list(column[start:stop]) for column in words]


# ---------------------------------------------------------------------------------------------- every format


def write_table(path: Path, table: np.ndarray) -> None:
    ending = path.suffix
    if ending == ".npy":
        np.save(path, table)
    elif ending == ".npz":
        np.savez_compressed(path, table)
    else:
        delimiter = {".csv": ",", ".tsv": "\t", ".txt": " "}[ending]
        path.write_text("\n".join(delimiter.join(map(repr, row)) for row in table.tolist()) + "\n")


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_the_table_in_any_cut(ending: str, tmp_path: Path) -> None:
    table = np.random.default_rng(1).normal(size=(103, 5))
    path = tmp_path / f"table{ending}"
    write_table(path, table)
    source = opened(path)
    assert (source.path, source.n, source.columns) == (str(path), 103, ("0", "1", "2", "3", "4"))
    assert source.default_targets() == (4,)
    assert not any(source.is_word(column) for column in range(5))
    source.prepare(0, 103)
    check_slices(source, table, [])
    for parts in (1, 2, 3, 7, 103, 150):
        cuts = [i * 103 // parts for i in range(parts + 1)]
        rows = [source.read(a, b, [4, 0, 2])[0] for a, b in pairwise(cuts)]
        np.testing.assert_array_equal(np.concatenate(rows), table[:, [4, 0, 2]])
    with pytest.raises(IndexError):
        source.read(0, 104, [0])


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_format_refuses_what_is_not_finite(ending: str, value: float, tmp_path: Path) -> None:
    table = np.random.default_rng(1).normal(size=(50, 4))
    table[31, 2] = table[40, 0] = value
    path = tmp_path / f"table{ending}"
    write_table(path, table)
    source = opened(path)
    source.read(0, 31, range(4))
    source.read(31, 40, [0, 1, 3])
    with pytest.raises(UserError, match=rf"table\{ending}, .*row 31.*, column 2: .*{value}.* is not a finite number"):
        source.read(5, 50, range(4))


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_survives_damage(ending: str, tmp_path: Path) -> None:
    """Mutated files either still read, as finite numbers, or give a UserError; nothing else, and no warning."""
    random = np.random.default_rng(7)
    path = tmp_path / f"table{ending}"
    write_table(path, np.round(random.normal(size=(12, 3)), 3))
    original = path.read_bytes()
    errors = 0
    for _ in range(400):
        data = bytearray(original)
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(0, len(data)))
            kind = random.integers(0, 4)
            if kind == 0:
                data[place] = random.integers(0, 256)
            elif kind == 1:
                data[place] = random.choice(list(b'\n\r,;\t "\0-e.9\xff'))
            elif kind == 2:
                del data[place : place + int(random.integers(1, 30))]
            else:
                data[place:place] = data[place : place + int(random.integers(1, 30))]
            data = data or bytearray(b"x")
        path.write_bytes(data)
        try:
            assert np.isfinite(everything(opened(path))[0]).all()
        except UserError as error:
            errors += 1
            assert "\n" not in str(error) and str(error).endswith(".") and ": ." not in str(error)
    assert errors > 50


@pytest.mark.parametrize("ending", FORMATS)
def test_files_that_cannot_be_read(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"table{ending}"
    with pytest.raises(UserError, match=r"cannot be read: No such file or directory\.$"):
        opened(path)
    with pytest.raises(UserError, match="is empty"):
        opened(path, "")
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(UserError, match="is not a regular file"):
        opened(tmp_path / f"folder{ending}")
    os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(UserError, match="is not a regular file"):  # and does not wait for a writer
        opened(tmp_path / f"pipe{ending}")
    with pytest.raises(UserError, match="null"):
        opened(f"a\0b{ending}")
    write_table(path, np.eye(3))
    source = opened(path)
    state = os.stat(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(UserError, match="was changed while it was being read"):
        source.read(0, 3, [0])
    path.unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        source.read(0, 3, [0])
    write_table(path, np.eye(3))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "open", refuse, raising=False)  # root may read everything
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        opened(path)


def test_a_change_during_a_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    source = opened(path, "1,2\n" * 50)
    with pytest.raises(UserError, match="was changed"), source._file.open() as stream:  # type: ignore[attr-defined]
        path.write_text("3\n" * 20)
        for _ in source._index.pieces(stream, 0, source.n):  # type: ignore[attr-defined]
            pass


def test_unknown_endings_are_refused() -> None:
    with pytest.raises(UserError, match=r"ends with '\.xlsx', which is no known format; .*\.csv.*\.npz"):
        opened("table.xlsx")
    with pytest.raises(UserError, match="ends with ''"):
        opened("table")


def test_endings_in_capitals_are_known(tmp_path: Path) -> None:
    assert opened(tmp_path / "A.CSV", "1,2\n").n == 1


# ------------------------------------------------------------------------------------------------------ text

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
    lambda word: not dialect.is_number(word)
)


@quick
@given(
    table=st.integers(1, 4).flatmap(lambda d: st.lists(st.lists(finite, min_size=d, max_size=d), min_size=1)),
    labels=st.lists(words, min_size=1, max_size=3),
    delimiter=st.sampled_from([",", ";", "\t"]),
    header=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    bom=st.booleans(),
    blanks=st.integers(0, 3),
    last=st.booleans(),
)
def test_text_reads_like_pythons_csv_module(
    table: list[list[float]],
    labels: list[str],
    delimiter: str,
    header: bool,
    ending: str,
    quoting: Any,
    bom: bool,
    blanks: int,
    last: bool,
    folder: Path,
) -> None:
    if delimiter == "," and quoting == csv.QUOTE_MINIMAL:  # ";,1" in every line is a table for either delimiter
        labels = [label.replace(";", "_") for label in labels]
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    names = ["label", *(f"column {i}" for i in range(len(table[0])))]
    if header:
        writer.writerow(names)
    for i, row in enumerate(table):
        writer.writerow([labels[i % len(labels)], *row])
    text = written.getvalue()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[header:]  # the oracle
    text = text + blanks * ending if last else text.removesuffix(ending)
    source = opened(folder / "table.csv", b"\xef\xbb\xbf" * bom + text.encode(), header=header)
    assert source.columns == tuple(names if header else map(str, range(len(names))))
    check_slices(source, np.array([list(map(float, row[1:])) for row in rows]), [[row[0] for row in rows]])


@quick
@given(rows=st.lists(st.lists(finite, min_size=3, max_size=3), min_size=1), tabs=st.booleans())
def test_white_space_delimits(rows: list[list[float]], tabs: bool, folder: Path) -> None:
    gap = " \t " if tabs else "   "
    text = "".join(f"  {gap.join(map(repr, row))} \n" for row in rows)
    if tabs:
        text = text.replace(" \t ", "  ")
    check_slices(opened(folder / "table.txt", text), np.array(rows), [])


@pytest.mark.parametrize(
    ("text", "header", "columns", "n"),
    [
        ("a,b\n1,2\n", None, ("a", "b"), 1),
        ("1,2\n3,4\n", None, ("0", "1"), 2),
        ("1,b\n3,4\n", None, ("0", "1"), 2),  # one number in the first line makes it a row
        ("1,b\n3,4\n", True, ("1", "b"), 1),
        ("a,b\nc,d\n", False, ("0", "1"), 2),
        ("a,b\nc,d\n", None, ("a", "b"), 1),
        ('"a;b";c\n1;2\n', None, ("a;b", "c"), 1),
        ("a,,c\n1,2,3\n", None, ("a", "1", "c"), 1),
        ("\n\n a , b \n1,2\n", None, ("a", "b"), 1),
        ("# a b\n1 2\n", None, ("a", "b"), 1),  # numpy.savetxt
        ("x\n1\n2\n", None, ("x",), 2),
        ("1\n", None, ("0",), 1),
        ("1.5;2,5\n1.5;3,5\n", None, ("0", "1"), 2),  # not three columns
        ("name\nNew York\nParis\nRome\nBerlin\n", None, ("name",), 4),
        ("a b,c\n1,2\n", None, ("a b", "c"), 1),
        ("p;q,5\nr,6\ns,7\n", False, ("0", "1"), 3),  # a semicolon in one word is no delimiter
        ('"p;q",5\n"r;s",6\n', False, ("0", "1"), 2),
    ],
)
def test_delimiter_and_header(text: str, header: bool | None, columns: tuple[str], n: int, tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", text, header=header)
    assert (source.columns, source.n) == (columns, n)


def test_words_are_judged_by_the_first_row_and_stripped(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", 'x,y,z\n1, cat ,"2"\n2,"7",3\n3,dög,4\n')
    assert [source.is_word(column) for column in range(3)] == [False, True, False]
    values, (texts,) = source.read(0, 3, [2, 0], [1])
    assert values.tolist() == [[2, 1], [3, 2], [4, 3]]
    assert list(texts) == ["cat", "7", "dög"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", r"has a header \(a, b\) but no rows; if its first line is a row"),
        ("a,b\n\n \n", r"has a header \(a, b\) but no rows"),
        ("\n \r\n\n", "holds nothing but empty lines"),
        ("1,2\0\n", "holds binary data or UTF-16"),
        ("1,2\n".encode("utf-16"), "holds binary data or UTF-16"),
        (b"a,b\n1,2\n1,\xe4\n", r"line 3 is not UTF-8 text; convert"),
        (b"a,b\n" + b"1,2\n" * 40 + b"1,\xe4\n", r"line 42 is not UTF-8 text"),
        ("a,b\r1,2\r", "lines that end with a carriage return only"),
        ("a,b\n1,2,3\n", r"line 2 \(row 0\) has 3 fields where the header has 2\.$"),
        ("a,b\n1,2\n3,4\n5\n", r"line 4 \(row 2\) has 1 fields where 2 belong\.$"),
        ("a,b\n1,2\n3,4\n5,6,7\n", r"line 4 \(row 2\) has 3 fields where 2 belong\.$"),
        ("a,b\n1,2\n" + "3,4,5\n" * 30, r"line 3 \(row 1\) has 3 fields where 2 belong\.$"),
        ("a,b\n1,2\n\n3,4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a,b\n1,2\n" + "\n" * 100 + "3,4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a b\n1 2\n   \n3 4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a,b\n1,2\n3,\n", r"line 3 \(row 1\), column b: the field is empty; fill it in or leave the row out\.$"),
        ("\n\na,b\n1,2\n3,\n", r"line 5 \(row 1\), column b: the field is empty"),
        ("1,2\n3,x4\n", r"line 2 \(row 1\), column 1: 'x4' stands where a number belongs\.$"),
        ("a,b\n1,2\n3,1_0\n", r"line 3 \(row 1\), column b: '1_0' stands where"),
        ("a,b\n1,2\n3,١\n", r"line 3 \(row 1\), column b: '١' stands where"),
        ("a,b\n1,2\n3,NaN\n", r"line 3 \(row 1\), column b: 'NaN' is not a finite number; replace it"),
        ("a,b\n1,2\n3,1e999\n", r"line 3 \(row 1\), column b: '1e999' is not a finite number"),
        ("a,b\n1,2\nx,nan\n", r"line 3 \(row 1\), column a: 'x' stands"),
        ("a,b\n1,nan\nx,3\n", r"line 2 \(row 0\), column b: 'nan' is not"),
        ('a,b\n1,2\n3,"4\n5"\n6,7\n', r"line 3 \(row 1\) cannot be cut into fields \(.*\); a quoted field must end on"),
        ('a,b\n1,2\n3,"4\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,b\n1,"c"\n3,"4\n5"\n6,d\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,b\n1,c\n3,"d\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,"b\n1,2"\n', r"line 1 cannot be cut into fields"),
        ("a,b\n1,c\n2,\n", r"line 3 \(row 1\), column b: the field is empty"),
        ("a,b\n1,2\n3\r,4\n5,6\n", r"line 3 \(row 1\) has a carriage return inside; remove it"),
        ("1," + "x" * 500 + "\n2,b\n", None),
    ],
)
def test_bad_text_is_one_sentence(text: str | bytes, sentence: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    if sentence is None:
        everything(opened(path, text))
        return
    with pytest.raises(UserError, match=sentence) as info:
        everything(opened(path, text))
    assert str(info.value).startswith(str(path)) and "\n" not in str(info.value)


def test_the_first_bad_row_is_named_in_every_cut(tmp_path: Path) -> None:
    rows = [f"{i},{i * 2}" for i in range(60)]
    rows[40], rows[50] = "40,x", "50"
    source = opened(tmp_path / "a.csv", "\n".join(rows))
    for start in range(41):
        with pytest.raises(UserError, match=r"line 41 \(row 40\), column 1: 'x'"):
            source.read(start, 60, [0, 1])
    with pytest.raises(UserError, match=r"line 51 \(row 50\) has 1 fields"):
        source.read(0, 60, [0])  # a ragged row counts even where the column is there
    source.read(0, 50, [0])


def test_a_quoted_line_break_is_refused_where_only_words_are_read(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", '1,a\n2,"b\nc"\n3,d\n')
    with pytest.raises(UserError, match=r"line 2 \(row 1\) cannot be cut into fields"):
        source.read(0, 4, [], [1])


def test_lines_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, layout):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    with pytest.raises(UserError, match="has no two lines in its first 1 MiB: it is not a table"):
        opened(tmp_path / "a.csv", "1" * (5 << 20))
    with pytest.raises(UserError, match=r"row 2 is longer than 3 MiB"):
        everything(opened(tmp_path / "a.csv", "1,2\n1,2\n" + "1" * (5 << 20)))


def test_a_long_first_line_is_read(tmp_path: Path) -> None:
    row = np.arange(60_000.0)
    text = ",".join(map(repr, row.tolist()))
    assert len(text) > 4 * layout.SAMPLE
    values, _ = everything(opened(tmp_path / "a.csv", f"{text}\n{text}\n"))
    np.testing.assert_array_equal(values, [row, row])


def test_a_rank_reads_only_about_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 12)
    monkeypatch.setattr(lines, "PIECE", 1 << 11)
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{i},{i % 7},{i / 3}\n" for i in range(40_000)))
    size = path.stat().st_size
    taken = 0

    class Counting(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal taken
            found = super().readinto(buffer)
            taken += found or 0
            return found or 0

    monkeypatch.setattr(files, "open", lambda path, mode: io.BufferedReader(Counting(path), 512), raising=False)
    source = opened(path)
    assert size < taken < size + 3 * layout.SAMPLE + 2048  # one rank counts the lines of all of it
    taken = 0
    values, _ = source.read(10_000, 20_000, [0, 2])
    assert list(values[:, 0]) == list(range(10_000, 20_000))
    assert size // 5 < taken < size * 0.3
    taken = 0
    for start in range(20_000, 24_000, 100):  # on from there: no search, and hardly anything twice
        assert source.read(start, start + 100, [0])[0][0, 0] == start
    assert taken < 3 * (size // 10)


def test_memory_is_the_rows_and_a_few_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 16)
    monkeypatch.setattr(lines, "PIECE", 1 << 16)
    path = tmp_path / "a.csv"
    path.write_text("1.2345678901234567,2.3456789012345678\n" * 200_000)
    tracemalloc.start()
    try:
        source = opened(path)
        source.read(0, 200_000, [0, 1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000 * 16 + (2 << 20) < path.stat().st_size


# -------------------------------------------------------------------------------------------- .npy and .npz

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


@quick
@given(array=arrays, fortran=st.booleans())
def test_npy_reads_like_numpy(array: np.ndarray, fortran: bool, folder: Path) -> None:
    np.save(folder / "a.npy", np.asfortranarray(array) if fortran else array)
    expected = np.load(folder / "a.npy").astype(np.float64).reshape(len(array), -1)
    check_slices(opened(folder / "a.npy"), expected, [])


@quick
@given(X=arrays, Y=arrays, fortran=st.booleans(), compressed=st.booleans(), weights=st.booleans(), small=st.booleans())
def test_npz_reads_like_numpy(
    X: np.ndarray, Y: np.ndarray, fortran: bool, compressed: bool, weights: bool, small: bool, folder: Path
) -> None:
    n = min(len(X), len(Y))
    X, Y = X[:n], Y[:n]
    table: dict[str, Any] = {"x" if small else "X": np.asfortranarray(X) if fortran else X, "y" if small else "Y": Y}
    if weights:
        table["weights"] = np.arange(n)
    (np.savez_compressed if compressed else np.savez)(folder / "a.npz", **table)
    expected = np.column_stack([values.astype(np.float64).reshape(n, -1) for values in table.values()])
    source = opened(folder / "a.npz")
    d, k = X.reshape(n, -1).shape[1], Y.reshape(n, -1).shape[1]
    ys = ["y"] if k == 1 else [f"y{i + 1}" for i in range(k)]
    assert source.columns == (*(f"x{i + 1}" for i in range(d)), *ys, *["weights"] * weights)
    assert source.default_targets() == tuple(range(d, d + k))
    check_slices(source, expected, [])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_words(save: Callable, tmp_path: Path) -> None:
    X, Y = np.arange(20.0).reshape(10, 2), np.array(["cat", "dög"] * 5)
    save(tmp_path / "a.npz", X=X, Y=Y, notes=np.array("not used"))
    source = opened(tmp_path / "a.npz")
    assert [source.is_word(column) for column in range(3)] == [False, False, True]
    check_slices(source, X, [list(Y)])
    with pytest.raises(UserError, match=r"a\.npz, row 3, column y: 'dög' stands where a number belongs\.$"):
        source.read(3, 5, [2])
    save(tmp_path / "a.npz", X=X, Y=np.where(np.arange(10) == 7, "", Y))
    with pytest.raises(UserError, match=r"row 7, column y: the word is empty"):
        everything(opened(tmp_path / "a.npz"))


@pytest.mark.parametrize("order", "<>")
def test_words_that_are_not_unicode_are_refused(order: str, tmp_path: Path) -> None:
    good = [0x64, 0x10FFFF, 0xD7FF, 0xE000]
    for bad in (0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF):
        codes = np.array([*good, bad], f"{order}u4")
        path = tmp_path / "a.npy"
        source = opened(path, npy((5, 1), f"{order}U1", data=codes.tobytes()))
        assert list(source.read(0, 4, [], [0])[1][0]) == list(map(chr, good))
        with pytest.raises(UserError, match=r"row 4 holds text that is not Unicode"):
            source.read(1, 5, [], [0])


def test_npz_with_inputs_only(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.eye(3))
    source = opened(tmp_path / "a.npz")
    assert source.columns == ("x1", "x2", "x3") and source.default_targets() == ()


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"X": np.eye(3), "Y": np.ones(4)}, "all arrays must have the same number of rows, but X has 3, Y has 4"),
        ({"X": np.eye(3), "x": np.eye(3)}, "holds both X and x; leave one of them out"),
        ({"Y": np.eye(3)}, "holds the arrays 'Y'; it must hold X and Y"),
        ({"a": np.eye(3), "b": np.eye(3)}, "holds the arrays 'a', 'b'; it must hold X and Y"),
        ({}, "holds no arrays"),
        ({"X": np.eye(3), "weights": np.eye(3)}, "array weights has 3 columns; it must have one"),
        ({"X": np.array([["a"]])}, "array X holds words; it must hold real numbers"),
        ({"X": np.array([[1, None]])}, "array X holds Python objects; it must hold real numbers"),
        ({"X": np.ones((2, 2, 2))}, "array X has 3 dimensions; it must have two"),
        ({"X": np.ones((0, 2))}, "array X has no rows"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_bad_npz_is_one_sentence(save: Callable, arrays: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([[1, "a", None]], dtype=object), "holds Python objects"),
        (np.eye(2) * 1j, "holds complex numbers"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "holds records"),
        (np.array([b"a"]), "holds bytes"),
        (np.array(["2026-01-01"], dtype="M8[D]"), r"holds the type datetime64\[D\]"),
        (np.array(1.0), "has 0 dimensions; it must have two: rows and columns"),
        (np.ones((2, 2, 2)), "has 3 dimensions"),
        (np.ones((0, 3)), "has no rows"),
        (np.ones((3, 0)), "has no columns"),
    ],
)
def test_bad_npy_is_one_sentence(array: np.ndarray, sentence: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path / "a.npy")


def npy(shape: tuple[int, ...], dtype: str = "<f8", fortran: bool = False, data: bytes = b"\0" * 64) -> bytes:
    """A .npy file that may lie."""
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return written.getvalue() + data


@pytest.mark.parametrize(
    "content",
    [
        npy((10**12, 10)),
        npy((2**62, 2**62)),
        npy((9, 1)),
        npy((-1, -1)),
        npy((-4, 2)),
        npy((8, 1), "<U0"),
        npy((8, 1), "<U1000000000"),
        npy((8, 1))[:-1],
        npy((8, 1))[:60],
        npy((8, 1))[:7],
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{" * 1000,
        b"\x93NUMPY\x09\x00" + b"{" * 1000,
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000,
        b"1,2\n3,4\n",
    ],
)
@pytest.mark.parametrize("member", [None, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_lying_headers_are_errors_and_take_no_memory(content: bytes, member: int | None, tmp_path: Path) -> None:
    path = tmp_path / ("a.npy" if member is None else "a.npz")
    if member is None:
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w", member) as archive:
            archive.writestr("X.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"is damaged|has no columns|has no rows|holds words"):
            opened(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_an_archive_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    """The directory's sizes are made to fit a lying header."""
    content = npy((10**9, 10))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes()
    small = struct.pack("<I", len(content))
    assert data.count(small) >= 2
    with pytest.raises(UserError, match=r"is damaged"):
        opened(tmp_path / "a.npz", data.replace(small, struct.pack("<I", 2**32 - 2)))
    content = npy((40, 1), data=b"\0" * 64)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", 500))
    with pytest.raises(UserError, match="is damaged"):
        everything(opened(tmp_path / "a.npz", data))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_larger_than_its_file_is_refused_on_opening(method: int, tmp_path: Path) -> None:
    """Header and directory agree on 4 GB, in a file of some hundred bytes."""
    content = npy((5 * 10**7, 10))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("X.npy", content)
    data = (tmp_path / "a.npz").read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", 2**32 - 2))
    with pytest.raises(
        UserError, match=r"array X is damaged or cut short: the file cannot hold its 4294967294 bytes\.$"
    ):
        opened(tmp_path / "a.npz", data)


def test_archives_that_numpy_does_not_write(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("X.npy", npy((8, 1)))
    with pytest.raises(
        UserError, match=r"array X is compressed in an unusual way; write it with numpy\.savez_compressed"
    ):
        opened(tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"is damaged or not a \.npz file"):
        opened(tmp_path / "a.npz", b"1,2\n3,4\n")


def test_a_compressed_array_is_decompressed_once_and_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, d = 500_000, 8
    X = np.zeros((n, d))
    X[:, 0] = np.arange(n)
    np.savez_compressed(tmp_path / "a.npz", X=X)
    del X
    inflated = 0
    original = zipfile.ZipExtFile._read1  # type: ignore[attr-defined]

    def counting(self: zipfile.ZipExtFile, count: int) -> bytes:
        nonlocal inflated
        data: bytes = original(self, count)
        inflated += len(data)
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "_read1", counting)
    source = opened(tmp_path / "a.npz")
    opening, inflated = inflated, 0
    assert opening < 1 << 20
    tracemalloc.start()
    try:
        for start in range(300_000, 310_000, 1000):
            assert source.read(start, start + 1000, [0, 7])[0][0, 0] == start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 << 20
    assert inflated < 311_000 * d * 8 * 1.1 + (1 << 20)
    assert source.read(5, 6, [0])[0] == [[5]]  # back again


def test_stored_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((300_000, 10)))
    np.save(tmp_path / "a.npy", np.zeros((300_000, 10), order="F"))
    for name in ("a.npz", "a.npy"):
        tracemalloc.start()
        try:
            opened(tmp_path / name).read(100_000, 101_000, range(10))
            assert tracemalloc.get_traced_memory()[1] < 2 << 20
        finally:
            tracemalloc.stop()


# ---------------------------------------------------------------------------------------------- exclusive-or


def test_exclusive_or_is_the_lectures_picture() -> None:
    source = open_source(None, OneRank(), seed=3, n=2000)
    assert (source.path, source.n, source.columns) == ("the built-in exclusive-or", 2000, ("x1", "x2", "y"))
    assert source.default_targets() == (2,) and not source.is_word(2)
    rows, _ = source.read(0, 2000, [0, 1, 2])

    def sign(w: tuple[float, ...], x1: float, x2: float) -> bool:
        return w[0] + w[1] * x1 + w[2] * x2 >= 0

    for x1, x2, y in rows.tolist():
        h1, h2 = sign(H1, x1, x2), sign(H2, x1, x2)
        assert y == (1 if (h1 and not h2) or (not h1 and h2) else -1)
    assert 0.4 < np.mean(rows[:, 2] > 0) < 0.6
    quarters = [np.mean((rows[:, 0] > 0) == a) for a in (True, False)]
    assert all(0.45 < share < 0.55 for share in quarters)
    assert abs(rows[:, :2]).max() <= 1 and abs(rows[:, :2]).max() > 0.99
    # The same numbers as NumPy's own generator makes of this stream.
    draws = np.random.Generator(np.random.Philox(key=3)).random((2000, 2))
    np.testing.assert_array_equal(rows[:, :2], 2 * draws - 1)


@quick
@given(seed=st.integers(0, 2**64 - 1), cuts=st.lists(st.integers(0, 50)))
def test_exclusive_or_rows_depend_on_seed_and_number_only(seed: int, cuts: list[int]) -> None:
    whole = ExclusiveOr(50, seed).read(0, 50, [2, 0, 1])[0]
    cuts = sorted({0, *cuts, 50})
    larger = ExclusiveOr(10**12, seed)
    parts = [larger.read(a, b, [2, 0, 1])[0] for a, b in pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(ExclusiveOr(50, (seed + 1) % 2**64).read(0, 50, [2, 0, 1])[0], whole)
    assert larger.read(10**12 - 1, 10**12, [0])[0].shape == (1, 1)


@pytest.mark.parametrize(("n", "seed", "sentence"), [(0, 0, "at least one row, not 0"), (5, -1, "needs a seed from 0")])
def test_exclusive_or_needs_rows_and_a_seed(n: int, seed: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        open_source(None, OneRank(), n=n, seed=seed)


# -------------------------------------------------------------------------------------------- column numbers


def test_columns_by_name_and_number(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "age,height,2,age\n1,2,3,4\n", header=True)
    assert column_numbers(source, []) == ()
    assert column_numbers(source, ["height"]) == (1,)
    assert column_numbers(source, ["-1", "0"]) == (3, 0)
    assert column_numbers(source, ["2", "1"]) == (2, 1)
    for names, sentence in [
        (["heigth"], r"has no column 'heigth'; its columns are age, height, 2, age\. Did you mean 'height'\?$"),
        (["xyz"], r"has no column 'xyz'; its columns are age, height, 2, age\.$"),
        (["4"], r"has no column 4; it has 4, numbered from 0 to 3\.$"),
        (["-5"], "has no column -5; it has 4"),
        (["height", "1"], "column height is named twice, as 'height' and as '1'"),
        (["age"], "has several columns named 'age'; give one of their numbers: 0, 3"),
    ]:
        with pytest.raises(UserError, match=sentence):
            column_numbers(source, names)


def test_long_lists_of_columns_are_cut(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", ",".join(f"c{i}" for i in range(700)) + "\n" + ",".join("1" * 700) + "\n")
    with pytest.raises(UserError, match=r"its columns are c0, c1, .*, c11 and 688 more\.") as info:
        column_numbers(source, ["z" * 1000])
    assert len(str(info.value)) < 400


# ---------------------------------------------------------------------------------------------------- arrays


@quick
@given(X=arrays, labels=st.none() | st.lists(words, min_size=12, max_size=12), weights=st.booleans())
def test_arrays_are_a_table(X: np.ndarray, labels: list[str] | None, weights: bool) -> None:
    n, shares = len(X), np.arange(len(X)) if weights else None
    Y = np.arange(2 * n).reshape(n, 2) if labels is None else labels[:n]
    source = ArraySource(X, Y, shares, OneRank())
    columns = [X.astype(np.float64).reshape(n, -1)]
    d = columns[0].shape[1]
    if labels is None:
        columns.append(np.asarray(Y, float))
    if weights:
        columns.append(np.arange(n, dtype=float)[:, None])
    ys = ("y1", "y2") if labels is None else ("y",)
    assert source.columns == (*(f"x{i + 1}" for i in range(d)), *ys, *["weights"] * weights)
    assert source.default_targets() == tuple(range(d, d + len(ys)))
    source.prepare(0, n)
    check_slices(source, np.column_stack(columns), [] if labels is None else [labels[:n]])


def test_arrays_without_targets() -> None:
    source = ArraySource([[1, 2], [3, 4]], None, None, OneRank())
    source.prepare(1, 2)
    assert source.default_targets() == ()
    assert source.read(1, 2, [1, 0])[0].tolist() == [[4, 3]]
    with pytest.raises(IndexError, match="not prepared"):
        source.read(0, 2, [0])


def test_arrays_of_python_strings_are_words() -> None:
    source = ArraySource(np.eye(2), np.array(["a", "bc"], dtype=object), None, OneRank())
    source.prepare(0, 2)
    assert source.is_word(2) and list(source.read(0, 2, [], [2])[1][0]) == ["a", "bc"]


@pytest.mark.parametrize(
    ("X", "Y", "weights", "sentence"),
    [
        (None, [1], None, "X is missing"),
        ([], [], None, "The arrays have no rows on any rank"),
        ([[1], [2]], [1], None, "must have the same number of rows, but X has 2, Y has 1"),
        ([[1], [2]], [1, 2], [[1, 2], [3, 4]], "weights has 2 columns; it must have one"),
        ([[1], [2, 3]], [1, 2], None, "X is not a table: its rows are not all alike"),
        ([["a"]], [1], None, "X holds words; it must hold real numbers"),
        ([[1j]], [1], None, "X holds complex numbers"),
        ([[1]], [None], None, "Y holds Python objects; it must hold real numbers or words"),
        (np.ones((2, 2, 2)), None, None, "X has 3 dimensions"),
        (3.0, None, None, "X has 0 dimensions"),
        (np.ones((2, 0)), None, None, "X has no columns"),
        ([[1.0, 2.0], [3.0, np.nan]], None, None, r"the arrays, row 1, column x2: nan is not a finite number"),
        ([[1.0]], [np.inf], None, r"the arrays, row 0, column y: inf is not a finite number"),
        ([[1.0]], [""], None, r"the arrays, row 0, column y: the word is empty"),
    ],
)
def test_bad_arrays_are_one_sentence(X: Any, Y: Any, weights: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        source = ArraySource(X, Y, weights, OneRank())
        source.prepare(0, source.n)
        everything(source)
