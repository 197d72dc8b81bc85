"""The picture of the house in architecture.md: the layers of the contract in pyproject.toml, and who imports whom.

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
    """The rooms of each floor, from the top, as the contract of import-linter has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[room.strip(" ()") for room in re.split("[|:]", floor)] for floor in floors]


def imports() -> set[tuple[str, str]]:
    """Which room imports from which other one, imports in functions and under TYPE_CHECKING included."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    rooms = {module: module.split(".")[1] for module in graph.modules if module != PACKAGE}
    return {
        (room, rooms[imported])
        for module, room in rooms.items()
        for imported in graph.find_modules_directly_imported_by(module)
        if rooms.get(imported, room) != room
    }


def picture() -> str:
    """The floors, from the top; a line for each room, with the rooms that it imports."""
    floors, arrows = layers(), imports()
    rooms = [room for floor in floors for room in floor]
    left = max(map(len, rooms)) + 4
    lines = []
    for floor in floors:
        lines.append("├" + "─" * WIDTH + "┤")
        for room in floor:
            used = ", ".join(other for other in rooms if (room, other) in arrows)
            arrow = f" {room:{left - 3}}→ " if used else f" {room}"
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
