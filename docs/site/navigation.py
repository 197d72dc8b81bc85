"""The navigation: what the tables of docs/README.md list, under the headings that they stand under."""

from __future__ import annotations

import re
from pathlib import Path

INDEX = "README.md"
ROW = re.compile(r"^\| \[(?P<title>[^]]+)\]\((?P<page>[^)#]+)\)", re.MULTILINE)


def sections(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """The headings of an index, each with the titles and the pages in the first column of its tables."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    found = [(heading, ROW.findall(body)) for heading, body in zip(parts[1::2], parts[2::2], strict=True)]
    return [(heading, pages) for heading, pages in found if pages]


def tree(docs: Path) -> str:
    """The tables of contents that Sphinx makes the navigation of, in Markdown: one for each section of docs/README.md.

    A folder's index takes the pages that it lists with it.
    """
    text = ""
    for heading, pages in sections((docs / INDEX).read_text(encoding="utf-8")):
        inside = [(title, page) for title, page in pages if not page.startswith("../")]
        text += toctree([f"{title} <{page}>" for title, page in inside], caption=heading)
    return text + toctree([INDEX])


def toctree(entries: list[str], caption: str = "") -> str:
    lines = ["", "", "```{toctree}", ":hidden:", *[f":caption: {caption}"] * bool(caption), *entries, "```", ""]
    return "\n".join(lines)


def below(index: str) -> str:
    """The same for the pages of a folder, which its index lists anywhere."""
    pages = re.findall(r"\]\(([\w-]+\.(?:md|py))\)", index)
    return toctree(list(dict.fromkeys(pages)))
