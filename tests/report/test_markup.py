"""HTML from anything: it stays text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from distnn.report.markup import folded, paragraph, table, tag, text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\"b'c", "&amp;", "größe", "]]>", "a\nb", "𝛼"])
def test_text_stays_text(name: str) -> None:
    for made in (paragraph(name), table((name, 1), [(name, 2.5)]), folded(name, text(name)), tag("p", class_=name)):
        root = ElementTree.fromstring(f"<div>{made}</div>")
        assert [element.tag for element in root.iter()].count("script") == 0
        found = "".join(root.itertext())
        assert name in found or root[0].get("class", "").split() == name.split()


def test_control_characters_are_replaced() -> None:
    assert text("a\x00b\x1bc\u2028") == "a\ufffdb\ufffdc\ufffd"
