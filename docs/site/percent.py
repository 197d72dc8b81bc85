"""Scripts in the percent format of jupytext as pages: text cells are text, the others are shown as Python."""

from __future__ import annotations

from typing import Any

import jupytext
from myst_parser.parsers.sphinx_ import MystParser


def markdown(script: str) -> str:
    """A script as a page in Markdown."""
    cells = jupytext.reads(script, fmt="py:percent").cells
    return "\n\n".join(
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in cells
    )


class Parser(MystParser):  # type: ignore[misc]
    """Of the pages whose source is such a script."""

    supported = ("percent",)

    def parse(self, inputstring: str, document: Any) -> None:
        super().parse(markdown(inputstring), document)
