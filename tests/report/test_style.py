"""Figures in the page's colors; names of any kind in them; matplotlib missing."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from distnn import UserError
from distnn.report.style import INK, LONGEST, SERIES, VARIABLES, drawable, inline, logarithmic, panels, shown, styled
from distnn.report.style_sheet import STYLE_SHEET


def test_a_drawing_takes_its_colors_from_the_page(style: None) -> None:
    figure, [axes] = panels()
    axes.plot([1, 2], [1, 10], color=SERIES[3], label=f"<b> {INK} $x^{{$ id=")
    axes.legend()
    logarithmic(axes)
    svg = inline(figure, "name")
    root = ElementTree.fromstring(svg)
    assert "width" not in root.attrib and root.get("viewBox") is not None
    assert "var(--series-3)" in svg and "var(--ink)" in svg
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert f"<b> {INK} $x^{{$ id=" in texts and {"1", "10"} <= set(texts)
    assert all(element.get("id", "name-").startswith("name-") for element in root.iter())


def test_every_color_is_in_the_style_sheet_for_light_and_dark() -> None:
    for variable in VARIABLES.values():
        assert STYLE_SHEET.count(f"--{variable}:#") == 2


def test_names_are_short_and_without_control_characters() -> None:
    assert shown("a\x00\nb") == "a\ufffd\ufffdb"
    assert len(shown("x" * 500)) == LONGEST


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"needs the package matplotlib.*distnn\[report\]"), styled():
        pass


def test_what_no_axis_reaches_is_not_drawn() -> None:
    found = drawable(np.array([1.0, -1e299, 1e305, -np.inf, np.nan]))
    assert found[:2].tolist() == [1, -1e299] and np.isnan(found[2:]).all()
