"""HTML from names and text: whatever a table's columns are called, it stays text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NewType

Markup = NewType("Markup", str)


def tag(name: str, *content: str | Markup, **attributes: str) -> Markup:
    """An element of markup that is made with this module. class_ is the attribute class."""
    given = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{given}>{''.join(content)}</{name}>")


def text(value: object) -> Markup:
    """A value as text. Control characters, which HTML has no place for, are replaced."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(value))
    return Markup(escape(clean))


def paragraph(value: object, **attributes: str) -> Markup:
    return tag("p", text(value), **attributes)


def table(header: Sequence[object], rows: Iterable[Sequence[object]], numbers: bool = True) -> Markup:
    """A table, which scrolls where it is too wide; numbers: all columns but the first are, and stand at the right."""
    head = [tag("tr", *(tag("th", text(name)) for name in header))] if header else []
    body = [tag("tr", tag("th", text(first)), *(tag("td", text(cell)) for cell in rest)) for first, *rest in rows]
    shown = tag("table", *(tag("thead", *head) for _ in head), tag("tbody", *body))
    return tag("div", shown, class_="table numbers" if numbers else "table")


def folded(title: str, *content: Markup) -> Markup:
    """Content that is shown when its title is clicked."""
    return tag("details", tag("summary", text(title)), *content)
