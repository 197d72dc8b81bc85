"""Data sources: what is the same for every format, columns, and the built-in exclusive-or."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sources import (
    check_slices,
    everything,
    opened,
    quick,
    small_pieces,  # noqa: F401, a fixture
)

from distnn.data.tables import FORMATS, column_numbers, files, open_source
from distnn.data.tables.exclusive_or import H1, H2, ExclusiveOr
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


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
    (tmp_path / f"tmp_path{ending}").mkdir()
    with pytest.raises(UserError, match="is not a regular file"):
        opened(tmp_path / f"tmp_path{ending}")
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
