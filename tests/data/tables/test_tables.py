"""What is the same for every format of tables."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from formats import write_table
from sources import (
    check_slices,
    everything,
    is_word,
    opened,
)

from distnn.data.tables import FORMATS
from distnn.errors import UserError

TEXT = [ending for ending in FORMATS if FORMATS[ending] is FORMATS[".csv"]]


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_the_table_in_any_cut(ending: str, tmp_path: Path) -> None:
    table = np.random.default_rng(1).normal(size=(103, 5))
    path = tmp_path / f"table{ending}"
    write_table(path, table)
    source = opened(path)
    assert (source.path, source.n, source.columns) == (str(path), 103, ("0", "1", "2", "3", "4"))
    assert source.default_targets() == (4,)
    assert not any(is_word(source, column) for column in range(5))
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
    errors, times = 0, 20 if ending in TEXT[1:] else 75
    for _ in range(times):
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
    assert errors > times / 10


def test_files_of_other_names_are_looked_at(tmp_path: Path) -> None:
    table = np.random.default_rng(1).normal(size=(20, 3))
    for ending in FORMATS:
        write_table(tmp_path / f"a{ending}", table)
        other = (tmp_path / f"a{ending}").rename(tmp_path / f"{ending[1:]}-without")
        np.testing.assert_array_equal(everything(opened(other))[0], table)
    with pytest.raises(UserError, match=r"is a spreadsheet; save it as CSV\. The known formats are \.csv.*\.npz"):
        opened("table.xlsx")
    with pytest.raises(UserError, match=r"is JSON; save it as CSV\."):
        opened("table.jsonl")
    with pytest.raises(UserError, match="is compressed; decompress it first"):
        opened("table.npy.gz")


def test_endings_in_capitals_are_known(tmp_path: Path) -> None:
    assert opened(tmp_path / "A.CSV", "1,2\n").n == 1
