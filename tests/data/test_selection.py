"""Columns by name, number, range and pattern."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources import opened

from distnn.data.selection import assigned, select
from distnn.errors import UserError


def test_ways_to_give_columns(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "x1,x2,b*,y:z,w\n1,2,3,4,5\n")
    for wanted, expected in [
        (["w", "0"], (4, 0)),
        (["x1:b*"], (0, 1, 2)),
        (["1:3"], (1, 2, 3)),
        (["x*", "x1"], (0, 1)),
        (["b*"], (2,)),
        (["y:z", "-1"], (3, 4)),
        (["x?", "[wb]*"], (0, 1, 2, 4)),
    ]:
        assert select(source, wanted) == expected
    for wanted, sentence in [
        (["q*"], r"has no column whose name is like 'q\*'"),
        (["w:x1"], "in the range 'w:x1', the first column stands after the last"),
        (["w:q"], "has no column 'q'"),
    ]:
        with pytest.raises(UserError, match=sentence):
            select(source, wanted)
    assert assigned(source, ["x*=1", "x2=2"], "--types", int) == {0: 1, 1: 2}
    for pair in ("x1", "=3"):
        with pytest.raises(UserError, match=f"--types {pair}: give COLUMN=VALUE"):
            assigned(source, [pair], "--types", int)
