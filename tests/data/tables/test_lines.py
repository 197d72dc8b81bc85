"""Where lines begin, known without reading all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import (
    count_bytes,
    everything,
    opened,
)

from distnn.data.tables import layout, lines
from distnn.errors import UserError


def test_lines_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, layout):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    with pytest.raises(UserError, match="has no two lines in its first 1 MiB: it is not a table"):
        opened(tmp_path / "a.csv", "1" * (5 << 20))
    with pytest.raises(UserError, match=r"row 2 is longer than 3 MiB"):
        everything(opened(tmp_path / "a.csv", "1,2\n1,2\n" + "1" * (5 << 20)))


def test_a_rank_reads_only_about_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 12)
    monkeypatch.setattr(lines, "PIECE", 1 << 11)
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{i},{i % 7},{i / 3}\n" for i in range(40_000)))
    size = path.stat().st_size
    taken = count_bytes(monkeypatch)
    source = opened(path)
    assert size < taken() < size + 3 * layout.SAMPLE + 2048  # one rank counts the lines of all of it
    values, _ = source.read(10_000, 20_000, [0, 2])
    assert list(values[:, 0]) == list(range(10_000, 20_000))
    assert size // 5 < taken() < size * 0.4
    for start in range(20_000, 24_000, 100):  # on from there: no search, and hardly anything twice
        assert source.read(start, start + 100, [0])[0][0, 0] == start
    assert taken() < 3 * (size // 10)
