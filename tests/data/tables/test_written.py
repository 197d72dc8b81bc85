"""Delimiter, decimal mark and encoding of a text table, as a user says them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from threaded_ranks import on_ranks, outcomes

from distnn.data.tables import Written, open_source
from distnn.data.tables.layout import find_layout
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train

ROWS = [(0.25 * i, -1.5 * i, i * i) for i in range(40)]
NAMES = ("łódź", "b", "y")


def text(delimiter: str, decimal: str = ".") -> str:
    lines = [delimiter.join(NAMES), *(delimiter.join(str(v).replace(".", decimal) for v in row) for row in ROWS)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("data", "written"),
    [
        (text(":").encode(), Written(delimiter=":")),
        (text("\t").encode(), Written(delimiter="tab")),
        (text("   ").encode(), Written(delimiter="space")),
        (text("!", ",").encode(), Written("!", ",")),
        (text(";", ",").encode(), Written(decimal=",")),
        (text(",").encode("cp1250"), Written(encoding="cp1250")),
        (text(",").encode("utf-16-le"), Written(encoding="utf-16-le")),
        (text(",").replace("\n", "\r").encode("cp1250"), Written(encoding="windows-1250")),
        (text(",").encode("gb18030"), Written(",", ".", "GB18030")),
        (text(",").encode("utf-8-sig"), Written(encoding="utf-8")),
    ],
)
def test_what_is_said_is_heeded(data: bytes, written: Written, size: int, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_bytes(data)
    written.check()

    def work(ranks: Ranks) -> np.ndarray:
        source = open_source(str(tmp_path / "table.txt"), ranks, written=written)
        assert source.columns == NAMES
        source.prepare(0, source.n)
        return source.read(0, source.n, [0, 1, 2])[0]

    for found in on_ranks(size, work):
        np.testing.assert_array_equal(found, ROWS)


def test_decimal_mark_that_is_not_what_it_looks_like(tmp_path: Path) -> None:
    """1,234 may be a number of four digits, or one below two: the user knows."""
    (tmp_path / "table.csv").write_text("a;b\n" + "1,234;2\n" * 5)
    (tmp_path / "points.csv").write_text("a;b\n" + "1.234;2\n" * 5)
    for name, decimal in (("table.csv", "."), ("points.csv", ",")):
        with (tmp_path / name).open("rb") as stream:
            assert find_layout(stream, name, None, Written(decimal=decimal)).dialect.decimal == decimal
    with (tmp_path / "table.csv").open("rb") as stream:
        layout = find_layout(stream, "table.csv", None)
        assert (layout.dialect.decimal, layout.dialect.delimiter) == (",", ";")


@pytest.mark.parametrize(
    ("data", "written", "sentence"),
    [
        (
            text(",").encode(),
            Written(delimiter=";"),
            "table.csv: no line begins with a field and --delimiter ';' after",
        ),
        (text(",").encode("cp1250"), Written(encoding="utf-8"), "line 1 is not UTF-8 text: say what it is with --enc"),
        (b"\xff" + text(",").encode(), Written(encoding="shift_jis"), "table.csv is not of --encoding shift_jis: "),
        (
            b"a,b\n1,2\n1,2,3\n",
            Written(),
            "line 3 .* has 3 fields where 2 belong: put",
        ),
        (b"a;b\n1;2.5\n1,5;2.5\n", Written(), "a comma is no decimal point here, unless --decimal , says so"),
        (b"a;b\n1,5;2\n1.5;2\n" + b"1,5;2\n" * 30, Written(decimal=","), "decimal commas, unless --decimal . says"),
    ],
)
def test_what_is_not_as_it_is_said(data: bytes, written: Written, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(data)

    def work(ranks: Ranks) -> None:
        source = open_source(str(tmp_path / "table.csv"), ranks, written=written)
        source.prepare(0, source.n)
        with ranks.sharing_errors():
            source.read(0, source.n, [0, 1])

    for error in outcomes(2, work):
        assert isinstance(error, UserError)
        with pytest.raises(UserError, match=sentence):
            raise error


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (Written(delimiter="ab"), "--delimiter 'ab': give one character"),
        (Written(delimiter='"'), "--delimiter '\"': give one character"),
        (Written(delimiter="3"), "--delimiter '3'"),
        (Written(decimal=";"), "--decimal ';': give . or ,"),
        (Written(",", ","), "--delimiter , and --decimal , contradict each other"),
        (Written(encoding="klingon"), "--encoding 'klingon' is none that Python knows"),
        (Written(encoding="base64"), "--encoding 'base64' is none"),
        (Written(encoding="a\0b"), "--encoding 'a.*' is none"),
    ],
)
def test_nonsense(written: Written, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        written.check()


def test_files_that_are_no_text_do_not_ask(tmp_path: Path) -> None:
    """A model that was told of its text applies to arrays as well."""
    np.save(tmp_path / "x.npy", np.eye(3))
    (source,) = on_ranks(1, lambda ranks: open_source(str(tmp_path / "x.npy"), ranks, written=Written(":")))
    assert source.n == 3


def test_a_model_remembers_what_was_said(tmp_path: Path) -> None:
    table, run = tmp_path / "table.txt", str(tmp_path / "run")
    table.write_text(text(":", ","), encoding="cp1250")
    said = ["--delimiter", ":", "--decimal", ",", "--encoding", "cp1250"]
    short = ["--hidden", "2", "--max-iterations", "1", "--quiet"]
    assert train(OneRank(), ["--data", str(table), "--out", run, *short, *said]) == 0
    application = Application(ApplyOptions(model=run, data=str(table)), OneRank(), with_targets=True)
    np.testing.assert_array_equal(application.rows(0).inputs, np.array(ROWS)[:, :2])
    table.write_text(text(",", "."), encoding="utf-16")
    other = ApplyOptions(model=run, data=str(table), delimiter=",", decimal=".", encoding="utf-16")
    np.testing.assert_array_equal(Application(other, OneRank(), True).rows(0).inputs, np.array(ROWS)[:, :2])
    with pytest.raises(UserError, match="--decimal 'x'"):
        Application(ApplyOptions(model=run, data=str(table), decimal="x"), OneRank(), True)  # type: ignore[arg-type]


def test_options_that_do_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(3))
    with pytest.raises(UserError, match=r"x\.npy is no text: leave out --delimiter, --decimal and --encoding"):
        train(OneRank(), ["--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "run"), "--delimiter", ";"])
    with pytest.raises(UserError, match="--encoding are for a text table of your own: add --data FILE"):
        train(OneRank(), ["--decimal", ","])
    (tmp_path / "x.txt").write_text("a:b\n1:2\n3:4\n")
    with pytest.raises(UserError, match="say what stands between fields with --delimiter"):
        train(OneRank(), ["--data", str(tmp_path / "x.txt"), "--out", str(tmp_path / "run")])
