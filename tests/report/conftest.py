"""Runs to report on, trained once for all tests of reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reporting import RUNS, report, runs

from distnn.report.style import styled


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs, which tests leave as they are."""
    return runs(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def pages(trained: Path) -> dict[str, str]:
    """Pages of these runs, by the runs' names; that of numbers with few figures, which take time."""
    made = {}
    for name in RUNS:
        with pytest.MonkeyPatch.context() as patch:
            if name == "numbers":
                patch.setattr("distnn.report.figures.FIGURES", ("predicted", "distribution"))
            made[name] = report(trained, "--model", str(trained / name), name=f"{name}.html")
    return made


@pytest.fixture
def style() -> Iterator[None]:
    """Figures are drawn as the report draws them."""
    with styled():
        yield
