"""The gallery: each script runs, in a folder of its own, prints what its text shows, and draws its picture."""

from __future__ import annotations

import re
import runpy
import warnings
from pathlib import Path

import matplotlib
import pytest
from checkout import CHECKOUT
from matplotlib import pyplot
from shown import matches

GALLERY = CHECKOUT / "docs/gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))
LARGEST = 60_000  # bytes of a picture


def examples() -> list[object]:
    """The scripts; those that start processes are jobs."""
    marks = {path: [pytest.mark.job] if "import subprocess" in path.read_text() else [] for path in SCRIPTS}
    return [pytest.param(path, id=path.stem, marks=marks[path]) for path in SCRIPTS]


@pytest.mark.parametrize("script", examples())
def test_an_example(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    with warnings.catch_warnings():
        runpy.run_path(str(script))
    pyplot.close("all")
    output = capsys.readouterr().out
    blocks = re.findall(r"^# ```text\n(.*?)^# ```", script.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    shown = [line.removeprefix("# ") for block in blocks for line in block.splitlines()]
    assert shown
    assert matches(shown, output), f"the page shows\n{chr(10).join(shown)}\nand the output is\n{output}"
    assert (tmp_path / f"{script.stem}.png").stat().st_size > 1000


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_picture_is_small_and_on_its_page(script: Path) -> None:
    assert (GALLERY / f"{script.stem}.png").stat().st_size < LARGEST
    assert f"]({script.stem}.png)" in script.read_text(encoding="utf-8")
    assert f"]({script.name}) | ![]({script.stem}.png)" in (GALLERY / "README.md").read_text(encoding="utf-8")
