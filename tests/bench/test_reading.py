"""The benchmark of readers: all of them read the table, and it says so for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.bench import reading
from distnn.data.tables import open_source
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def test_all_readers_are_measured_on_the_same_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reading, "TURNS", 1)
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    assert reading.main(OneRank(), ["100"]) == 0
    printed = capsys.readouterr().out
    assert "CSV" in printed and "Parquet" in printed
    rows = [line.split() for line in printed.splitlines()]
    found = {row[0]: row[1:] for row in rows if row and row[0] in reading.READERS}
    assert found.keys() == reading.READERS.keys()
    assert all(float(rate) >= 0 for rates in found.values() for rate in rates)


def test_both_files_hold_the_same_numbers(tmp_path: Path) -> None:
    sources = [open_source(str(path), OneRank()) for path in reading.write(tmp_path, 20)]
    one, other = (source.read(0, 20, range(reading.COLUMNS))[0] for source in sources)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("arguments", [["many"], ["0"], ["1", "2"]])
def test_bad_arguments_are_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="takes one argument, a number of rows"):
        reading.main(OneRank(), arguments)
