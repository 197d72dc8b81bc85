"""The page: one file, well-formed, without anything from outside, with every figure and the numbers of `evaluate`."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluations import evaluated
from reporting import SCRIPT, SVG, TARGET, cells, parsed, report, words_of

CURVES = ["errors-by-iteration", "errors-by-time", "gradient-by-iteration", "gradient-by-time"]
KINDS = ("trained", "held-out", "test")
OF_CLASSES = ["confusion", "roc", "calibration"]


def drawn(page: str) -> list[str]:
    """The names of the figures."""
    figures = [svg.find(f"{SVG}g") for svg in parsed(page).iter(f"{SVG}svg")]
    return [figure.get("id", "").removesuffix("-figure_1") for figure in figures if figure is not None]


def test_every_figure_is_there(pages: dict[str, str]) -> None:
    page = pages["words"]
    assert drawn(page) == [*CURVES, *OF_CLASSES, "importance", "dependence-1", "dependence-2", "seconds-an-iteration"]
    assert len(page) < 1e6
    captions = [words_of(caption) for caption in parsed(page).iter("figcaption")]
    assert len(captions) == len(drawn(page)) and all(caption.endswith(".") for caption in captions)


def test_every_target_has_its_figures(pages: dict[str, str]) -> None:
    assert drawn(pages["numbers"]) == ["predicted-1", "predicted-2", "distribution-1", "distribution-2"]
    assert drawn(pages["hostile"]) == ["predicted-1", "distribution-1", "importance", "dependence-1", "dependence-2"]


def test_its_numbers_are_those_of_evaluate(trained: Path, pages: dict[str, str]) -> None:
    for name in ("numbers", "words"):
        rows = cells(parsed(pages[name]))
        of = [evaluated(trained, name, kind) for kind in KINDS]
        assert ["rows", *KINDS] in rows
        assert ["E", *(f"{found['E']:.6g}" for found in of)] in rows
        if name == "words":
            assert ["share right", *(f"{found['right']:.6g}" for found in of)] in rows
        for target in of[0].get("targets", ()):
            rmse = [f"{found['targets'][target]['rmse']:.6g}" for found in of]
            assert [f"{target} root mean square error", *rmse] in rows


def test_names_stay_text(pages: dict[str, str]) -> None:
    page = pages["hostile"]
    assert "<script" not in page
    root = parsed(page)
    labels = [words_of(label) for label in root.iter(f"{SVG}text")]
    assert {SCRIPT, f"{TARGET}, true", f"{TARGET}, predicted", f"mean of {TARGET}"} <= {
        label if label != f"{SCRIPT[:27]}…" else SCRIPT for label in labels
    }
    assert f"{SCRIPT}, wood" in words_of(root)


def test_text_of_figures_is_text_and_colors_are_those_of_the_page(pages: dict[str, str]) -> None:
    root = parsed(pages["words"])
    styles = [element.get("style", "") for svg in root.iter(f"{SVG}svg") for element in svg.iter()]
    assert any("var(--ink)" in style for style in styles) and any("var(--series-0)" in style for style in styles)
    assert not [style for style in styles if "#" in style.replace("url(#", "") and "#000000" not in style]
    assert any(words_of(label) == "iteration" for label in root.iter(f"{SVG}text"))


def test_the_same_run_is_the_same_page(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.report.figures.FIGURES", ("errors", "predicted", "importance"))
    first, second = (report(tmp_path, "--model", str(trained / "hostile")) for _ in range(2))
    assert first == second
