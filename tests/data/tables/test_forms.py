"""Text as it comes: each form is read as the plain table is, on one rank and on three."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people_tables import PLAIN, ROWS, SAID, TABLES, lines
from threaded_ranks import on_ranks

from distnn.data.tables import forms, open_source, parse
from distnn.data.tables.source import Missing
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks


def read(path: Path, ranks: Ranks) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """The rank's rows, names and what is said."""
    source = open_source(str(path), ranks)
    start, stop = (source.n * (ranks.rank + i) // ranks.size for i in (0, 1))
    source.prepare(start, stop)
    return source.read(start, stop, range(len(source.columns)))[0], source.columns, source.notes


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("name", TABLES)
def test_each_form_is_read_as_the_plain_table(
    name: str, arrow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "ARROW", arrow)
    monkeypatch.setattr(parse, "SMALL", 0)
    path = tmp_path / name
    path.write_bytes(TABLES[name])
    for size in (1, 3):
        found = on_ranks(size, lambda ranks: read(path, ranks))
        np.testing.assert_array_equal(np.concatenate([rows for rows, _, _ in found]), ROWS)
        assert len({(names, notes) for _, names, notes in found}) == 1
        _, names, notes = found[0]
        assert names in {
            "table.data": [("0", "1", "2")],
            "titles-no-header.csv": [("0", "1", "2")],
            "trailing-delimiter-no-header.csv": [("0", "1", "2")],
            "header-partly-numbers.csv": [("1100", "1102", "protein")],
            "pandas-default-header.csv": [("0", "1", "2")],
            "latin-1.csv": [("größe", "b", "y")],
            "hash-in-header.csv": [("#", "b", "y")],
            "line-break-in-header.csv": [("a\n(m)", "b", "y")],
        }.get(name, [("a", "b", "y")])
        if name in SAID:
            assert len(notes) == len(SAID[name])
            assert all(note.startswith(said) for note, said in zip(notes, SAID[name], strict=True))


def test_numbers_as_names_are_said_where_they_are_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(PLAIN.replace("a,b,y", "1100,1102,1104"))
    (rows, names, notes), *_ = on_ranks(1, lambda ranks: read(path, ranks))
    assert len(rows) == 61 and names == ("0", "1", "2")
    assert notes == ("its first line (1100, 1102, 1104) is taken for a row; --header takes it for names",)


@pytest.mark.parametrize(
    "text",
    [
        "2.5,1,NA\n1.5,2,3\n2.5,2,4\n",  # a missing target in the first row
        "0.5,1,3a\n1.5,2,3.5\n2.5,2,4.5\n",  # a label in the first row
        "1,2,oak\n3,4,5\n5,6,7\n",
        "0,1,2\n3,4,5\n6,7,8\n",
    ],
)
def test_a_row_is_no_header(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    (source,) = on_ranks(1, lambda ranks: open_source(str(path), ranks))
    assert source.n == 3 and not source.named


@pytest.mark.parametrize(
    "text",
    ["a,b\nNA,NA\n1,2\n3,4\n", "a,b\n?,\n1,2\n3,4\n", "y\nbad\n1\n2\n3\n", "a,b\nm,1\n1,2\n1,2\n"]
    + ["a,b,y\nm,oak,kg\n1,fir,2\n1,elm,2\n", "b,y\n,bad\nfir,2\nelm,2\n"],
)
def test_a_row_is_no_row_of_units(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    (source,) = on_ranks(1, lambda ranks: open_source(str(path), ranks))
    assert source.n == text.count("\n") - 1 and source.notes == ()


@pytest.mark.parametrize("size", [1, 3])
def test_what_a_spreadsheet_could_not_compute_is_no_comment(size: int, tmp_path: Path) -> None:
    rows = [[("#N/A" if i % 3 else i), *row[1:]] for i, row in enumerate(ROWS)]
    path = tmp_path / "a.csv"
    path.write_text(lines("a,b,y", rows[:30]) + "# half\n" + lines(None, rows[30:]))
    read_all = lambda ranks: (s := open_source(str(path), ranks), s.read(0, s.n, [0], missing=Missing())[0])  # noqa: E731
    for source, values in on_ranks(size, read_all):
        assert source.n == 60 and source.notes == ("1 line that begins with # is left out",)
        np.testing.assert_array_equal(values[:, 0], [np.nan if i % 3 else i for i in range(60)])


def test_no_title_where_a_row_may_be_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text, wrong in (
        ("a,b\n1,2,3\n4,5,6\n7,8,9\n", "has 3 fields where"),  # a name is missing
        ("1\n1,2,3\n4,5,6\n7,8,9\n", "has 3 fields where"),
        ("a\n1,2\n4,5\n7,8\n", "has 2 fields where"),
        ("a,b\nm,s,t\nm,s,t\nm,s,t\n", "has 3 fields where"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=wrong):
            on_ranks(1, lambda ranks: read(path, ranks))


def test_a_trailing_delimiter_must_stay_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2,\n" * 30 + "1,2,3\n")
    with pytest.raises(UserError, match=r"line 32 \(row 30\) has 3 fields where 2 belong"):
        on_ranks(1, lambda ranks: read(path, ranks))


def test_zstandard_by_arrow(tmp_path: Path) -> None:
    import pyarrow

    path = tmp_path / "plain.csv.zst"
    with pyarrow.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(PLAIN.encode())
    for rows, _, notes in on_ranks(1, lambda ranks: read(path, ranks)):
        np.testing.assert_array_equal(rows, ROWS)
        assert notes == ("it is decompressed (zstd)",)


def test_a_rank_that_cannot_open_the_scratch_file_writes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "_open_others", lambda place: None)
    path = tmp_path / "plain.csv.gz"
    path.write_bytes(TABLES[path.name])
    found = on_ranks(3, lambda ranks: read(path, ranks))
    np.testing.assert_array_equal(np.concatenate([rows for rows, _, _ in found]), ROWS)


@pytest.mark.parametrize("name", ["plain.csv.gz", "plain.csv.bz2", "plain.csv.xz"])
def test_damaged_compression_is_one_sentence_for_all(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    data = TABLES[name]
    for damaged in (data[: len(data) // 2], data[:40] + b"\x00\xff" * 20 + data[80:]):
        path.write_bytes(damaged)

        def attempt(ranks: Ranks) -> str:
            with pytest.raises(UserError, match="is damaged or cut short: it is decompressed") as info:
                read(path, ranks)
            return str(info.value)

        assert len(set(on_ranks(3, attempt))) == 1


def test_a_full_scratch_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(old: object, new: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(forms.FORMS, "gzip", forms.Form("it is decompressed (gzip)", full))
    path = tmp_path / "plain.csv.gz"
    path.write_bytes(TABLES[path.name])
    with pytest.raises(UserError, match=r"No space left on device\. Set TMPDIR to a folder with more room"):
        on_ranks(1, lambda ranks: read(path, ranks))
