"""How figures are begun and written, and what is said where they cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distnn.bench import drawing
from distnn.errors import UserError
from distnn.report.style import begin


def test_a_figure_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'distnn[report]'")
    figure = begin(2, 1)
    drawing.write(figure, str(tmp_path / "new" / "a.svg"))
    assert "<svg" in (tmp_path / "new" / "a.svg").read_text()
    with pytest.raises(UserError, match=r"FIGURE .*/a.svg/b.svg cannot be written: File exists\."):
        drawing.write(figure, str(tmp_path / "new" / "a.svg" / "b.svg"), "FIGURE")


def test_names_say_the_kind_of_file() -> None:
    for ending in drawing.ENDINGS:
        drawing.check(f"a{ending}")
    with pytest.raises(UserError, match=r"--figure a\.txt: the name must end with \.png, \.svg or \.pdf"):
        drawing.check("a.txt")


def test_without_matplotlib_it_says_at_once_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"--figure needs the package matplotlib.*pip install 'distnn\[report\]'"):
        drawing.check("a.svg")
