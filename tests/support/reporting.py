"""Runs to report on, reports of them, and what stands in a page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from evaluations import trained_on
from tables import write_csv

from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank
from distnn.report.__main__ import main
from distnn.report.gathering import gather
from distnn.report.subject import Subject
from distnn.train import main as train_main

SCRIPT, TARGET = "<script>alert(1)</script>", "a&b $x$ <i>"
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
RUNS = ("numbers", "words", "hostile")
MOST_ROWS = 10_000_000


def runs(folder: Path) -> Path:
    """The folder, with the runs and tables of `trained_on`, and hostile.csv with the run hostile: odd names, words, and
    gaps; E_val is not known."""
    trained_on(folder)
    generator = np.random.default_rng(2)
    x, word = generator.normal(size=400), generator.choice(["fir", "oak", "ash"], 400)
    y = np.where(word == "oak", 3 * x, 0.5 * x) + 0.1 * generator.normal(size=400)
    gaps = [value if place % 7 else "" for place, value in enumerate(x.tolist())]
    path = write_csv(folder / "hostile.csv", {SCRIPT: gaps, "wood": word, TARGET: y})
    train(
        path,
        folder / "hostile",
        "--targets",
        TARGET,
        "--impute",
        "median",
        "--indicator",
        "--max-iterations",
        "15",
        "--fit-exactly",
    )
    return folder


def train(table: Path, out: Path, *options: str) -> None:
    hidden = () if "--hidden" in options else ("--hidden", "4")
    arguments = ["--data", str(table), *hidden, "--quiet", "--out", str(out), *options]
    assert train_main(OneRank(), arguments) == 0


def report(folder: Path, *arguments: str, name: str = "report.html") -> str:
    """The page that the command writes with these arguments, into the folder."""
    assert main(OneRank(), [*arguments, "--out", str(folder / name)]) == 0
    return (folder / name).read_text(encoding="utf-8")


def subject(model: Path, data: Path | None = None, compare: tuple[Path, ...] = (), most: int = MOST_ROWS) -> Subject:
    options = ApplyOptions(model=str(model), data=None if data is None else str(data))
    return gather(options, tuple(map(str, compare)), most)


def parsed(page: str) -> ElementTree.Element:
    """The page as XML, which it has to be. Fails where it asks for anything outside, or runs a script."""
    root = ElementTree.fromstring(page)
    identities = [element.get("id") for element in root.iter() if element.get("id") is not None]
    assert len(identities) == len(set(identities)), "an id stands twice"
    for element in root.iter():
        assert not element.tag.endswith("script")
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name in ("href", "src", LINK):
                assert value.startswith(("#", "data:")), value
                assert value.startswith("data:") or value[1:] in identities
            for target in re.findall(r"url\((.*?)\)", value):
                assert target.startswith("#") and target[1:] in identities, target
    style = root.find("head/style")
    assert style is not None and style.text is not None and not re.search(r"@import|url\(", style.text)
    return root


def words_of(element: ElementTree.Element) -> str:
    """All text in it."""
    return " ".join(" ".join(element.itertext()).split())


def cells(root: ElementTree.Element) -> list[list[str]]:
    """The rows of all tables."""
    return [[words_of(cell) for cell in row] for row in root.iter("tr")]
