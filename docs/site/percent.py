"""Scripts in the percent format of jupytext as pages: text cells are text, the others are shown as Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
from myst_parser.parsers.sphinx_ import MystParser

FORMAT = "py:percent"


def markdown(script: str) -> str:
    """A script as a page in Markdown."""
    cells = jupytext.reads(script, fmt=FORMAT).cells
    return "\n\n".join(
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in cells
    )


def notebooks(app: Any, error: Exception | None) -> None:
    """Write the scripts as notebooks, not executed, beside their pages."""
    if error is None and app.builder.format == "html":
        for script in Path(app.srcdir).glob("gallery/*.py"):
            notebook = jupytext.read(script, fmt=FORMAT)
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            jupytext.write(notebook, Path(app.outdir) / f"gallery/{script.stem}.ipynb")


class Parser(MystParser):  # type: ignore[misc]
    """Of the pages whose source is such a script."""

    supported = ("percent",)

    def parse(self, inputstring: str, document: Any) -> None:
        name = Path(document["source"]).stem
        notebook = f'This page is a script, `docs/gallery/{name}.py`, and <a href="{name}.ipynb">a notebook</a>.'
        super().parse(f"{markdown(inputstring)}\n\n{notebook}\n", document)
