"""Many files as one table: the same as one file, on any number of ranks; files that differ are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats import write_table
from people_tables import ROWS, lines
from sources import opened
from threaded_ranks import on_ranks

from distnn.data.tables import FORMATS, open_source
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("ending", [".csv", ".npy", ".parquet", ".h5"])
def test_a_folder_and_a_pattern_are_one_table(ending: str, size: int, tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(60, 3))
    for part, (start, stop) in enumerate([(0, 1), (1, 30), (30, 60)]):
        write_table(tmp_path / f"part-{part}{ending}", table[start:stop])
    (tmp_path / ".hidden").write_text("no table")
    (tmp_path / "_SUCCESS").write_text("")

    def read(path: str, ranks: Any) -> np.ndarray:
        source = open_source(path, ranks)
        assert source.n == 60 and source.default_targets() == (2,) and source.columns == ("0", "1", "2")
        assert source.notes[0].startswith("it is 3 files, ")
        start, stop = (60 * (ranks.rank + i) // ranks.size for i in (0, 1))
        source.prepare(start, stop)
        return np.concatenate([source.read(row, min(row + 7, stop), [2, 0])[0] for row in range(start, stop, 7)])

    for path in (tmp_path, tmp_path / f"part-*{ending}"):
        rows = np.concatenate(on_ranks(size, lambda ranks, path=path: read(str(path), ranks)))
        np.testing.assert_array_equal(rows, table[:, [2, 0]])


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("ending", [".csv", ".npy", ".npz", ".parquet", ".feather", ".h5"])
def test_files_without_rows_are_skipped(ending: str, size: int, tmp_path: Path) -> None:
    """As Spark writes them, wherever they stand; unless their columns are others."""
    table = np.array(ROWS)

    def write(part: int, rows: np.ndarray) -> None:
        path = tmp_path / f"part-{part}{ending}"
        if ending == ".csv":
            path.write_text(lines(",".join("abc"[: rows.shape[1]]), rows))
        else:
            write_table(path, rows)

    for part in range(4):
        write(part, table[:0] if part in (0, 2) else table[part * 9 : part * 9 + 9])
    (tmp_path / "part-8.csv").write_text("\n" * (ending == ".csv"))
    (tmp_path / "part-9.csv").write_text("")

    def read(ranks: Ranks) -> np.ndarray:
        source = open_source(str(tmp_path), ranks)
        said = f"it is 2 files, {tmp_path}/part-1{ending} to {tmp_path}/part-3{ending}; "
        assert source.notes[0] == f"{said}part-0{ending}, part-2{ending}, part-8.csv, part-9.csv have no rows"
        source.prepare(0, source.n)
        return source.read(0, source.n, [0, 1, 2])[0]

    for rows in on_ranks(size, read):
        np.testing.assert_array_equal(rows, np.concatenate([table[9:18], table[27:36]]))
    write(2, np.ones((0, 2)))
    with pytest.raises(UserError, match=f"part-2{ending} has other columns than .*part-1{ending}: it lacks "):
        on_ranks(size, lambda ranks: open_source(str(tmp_path), ranks))
    with pytest.raises(UserError, match=rf"part-2{ending} has (no rows|a header \(.*\) but no rows)"):
        on_ranks(size, lambda ranks: open_source(f"{tmp_path}/part-2*", ranks))


def test_headers_are_the_first_files_and_messages_name_the_file(tmp_path: Path) -> None:
    for part in range(3):
        (tmp_path / f"part-{part}.csv").write_text(lines("a,b,y", ROWS[part * 20 : part * 20 + 20]))
    source = opened(tmp_path / "part-*.csv")
    assert source.columns == ("a", "b", "y") and source.named
    places = {0: "part-0.csv, line 2 (row 0)", 19: "part-0.csv, line 21 (row 19)", 20: "part-1.csv, line 2 (row 0)"}
    for row, place in places.items():
        assert source.place(row) == f"{tmp_path}/{place}"
    np.testing.assert_array_equal(source.read(0, 60, [0, 1, 2])[0], ROWS)
    (tmp_path / "part-1.csv").write_text(lines("a,b,y", [*ROWS[20:39], ["x", 1, 2]]))
    with pytest.raises(UserError, match=r"part-1\.csv, line 21 \(row 19\), column a: 'x' stands"):
        opened(tmp_path / "part-*.csv").read(0, 60, [0, 1, 2])
    keep = np.ones(60, bool)
    keep[39] = False
    opened(tmp_path / "part-*.csv").read(0, 60, [0, 1, 2], keep=keep)
    keep[:] = np.arange(60) < 20
    opened(tmp_path / "part-*.csv").read(0, 60, [0, 1, 2], keep=keep)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,c\n1,2\n", r"2\.csv has other columns than .*1\.csv: it lacks b\. All files of a table must be alike"),
        ("a,b,c\n1,2,3\n", r"2\.csv has other columns than .*: it has c, too\."),
        ("b,a\n1,2\n", r"2\.csv has other columns than .*: in another order\."),
    ],
)
def test_files_that_differ_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        opened(tmp_path)


def test_kinds_that_differ_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "1.npy", np.arange(3))
    np.save(tmp_path / "2.npy", np.arange(3.0))
    assert opened(tmp_path).kind(0) == "numbers"
    np.save(tmp_path / "2.npy", np.array(["a"]))
    with pytest.raises(UserError, match=r"2\.npy, column 0 holds words, that of .*1\.npy integers\. All files"):
        opened(tmp_path)


@pytest.mark.parametrize("size", [1, 3])
def test_what_is_about_the_table_is_left_out_of_a_folder(size: int, tmp_path: Path) -> None:
    (tmp_path / "part-0.txt").write_text("a,b\n1,2\n")
    (tmp_path / "README.txt").write_text("These are shards, of which a line has two numbers.\n")
    (tmp_path / "SHA256SUMS").write_text("0 part-0.txt\n")
    (tmp_path / "notes.md").write_text("# Shards\n")
    beside = "README.txt, SHA256SUMS, notes.md beside them are left out"
    for source in on_ranks(size, lambda ranks: open_source(str(tmp_path), ranks)):
        assert source.n == 1 and source.notes == (f"it is the file {tmp_path}/part-0.txt; {beside}",)
    (tmp_path / "part-1.txt").write_text("a,b\n3,4\n")
    for source in on_ranks(size, lambda ranks: open_source(str(tmp_path), ranks)):
        assert source.n == 2 and source.notes[0].endswith(f"part-1.txt; {beside}")
    (tmp_path / "other.txt").write_text("c,d,e\n3,4,5\n")
    with pytest.raises(UserError, match=r"if not all are meant, name them by a pattern in quotes"):
        on_ranks(size, lambda ranks: open_source(str(tmp_path), ranks))


def test_no_files_one_file_and_names_with_brackets(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file in it"):
        opened(tmp_path)
    with pytest.raises(UserError, match=r"there is no file of such a name"):
        opened(tmp_path / "*.csv")
    (tmp_path / "a[1].csv").write_text("1,2\n")
    assert opened(tmp_path / "a[1].csv").n == 1
    assert opened(tmp_path / "*.csv").notes == ()
    assert ".csv" in FORMATS
