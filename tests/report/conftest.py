"""Runs to report on, trained once for all tests of reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reporting import RUNS, report, runs

from distnn.report import figures
from distnn.report.style import styled


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs, which tests leave as they are."""
    return runs(tmp_path_factory.mktemp("report"))


# Of the pages but one: to draw a figure takes time.
FEW = {"numbers": ("predicted", "distribution"), "hostile": ("predicted", "distribution", "importance", "dependence")}


@pytest.fixture(scope="session")
def pages(trained: Path) -> dict[str, str]:
    """Pages of these runs, by the runs' names; only that of words with all figures."""
    made = {}
    for name in RUNS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("distnn.report.figures.FIGURES", FEW.get(name, figures.FIGURES))
            made[name] = report(trained, "--model", str(trained / name), name=f"{name}.html")
    return made


@pytest.fixture
def style() -> Iterator[None]:
    """Figures are drawn as the report draws them."""
    with styled():
        yield
