"""The picture of the layers in architecture.md, those of the contract in pyproject.toml, and who imports whom.

python docs/layers.py writes the picture anew; a test fails where it is out of date.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- made by docs/layers.py -->\n", "<!-- end of what docs/layers.py makes -->\n"
PACKAGE = "distnn"
WIDTH = 100  # of the picture


def layers() -> list[list[str]]:
    """The folders of each layer, from the top, as import-linter's contract has them. A module counts as a folder."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[folder.strip(" ()") for folder in re.split("[|:]", layer)] for layer in found]


def imports() -> set[tuple[str, str]]:
    """Which folder imports from which other one, imports in functions and under TYPE_CHECKING included."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    folders = {module: module.split(".")[1] for module in graph.modules if module != PACKAGE}
    return {
        (folder, folders[imported])
        for module, folder in folders.items()
        for imported in graph.find_modules_directly_imported_by(module)
        if folders.get(imported, folder) != folder
    }


def picture() -> str:
    """The layers, from the top; a line for each folder, with those that it imports."""
    boxes, arrows = layers(), imports()
    folders = [folder for box in boxes for folder in box]
    left = max(map(len, folders)) + 4
    lines = []
    for box in boxes:
        lines.append("├" + "─" * WIDTH + "┤")
        for folder in box:
            used = ", ".join(other for other in folders if (folder, other) in arrows)
            arrow = f" {folder:{left - 3}}→ " if used else f" {folder}"
            for line in textwrap.wrap(used, WIDTH - left - 1) or [""]:
                lines.append(f"│{arrow:{left}}{line:{WIDTH - left}}│")
                arrow = ""
    return "\n".join(["┌" + "─" * WIDTH + "┐", *lines[1:], "└" + "─" * WIDTH + "┘"])


def page() -> str:
    """architecture.md with the picture as it should be. ValueError if it lacks the two lines around the picture."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE} lacks the lines {BEGIN.strip()} and {END.strip()} around the picture.")
    return f"{before}{begin}\n```text\n{picture()}\n```\n\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
