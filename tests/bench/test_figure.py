"""The figure, and what is said where it cannot be drawn."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from benching import QUICK

from distnn.bench import measure as measurement
from distnn.bench.figure import draw
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def test_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "PEERS", ())
    results = {
        "workloads": {"tiny": measurement.measure("tiny", QUICK, OneRank())},
        "machine": {"cpu": "a CPU", "cores": 2, "date": "today"},
    }
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(UserError, match=r"pip install 'distnn\[peers\]'"):
            draw(results, str(tmp_path / "a.svg"))
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("NOT TESTED HERE: matplotlib is not installed: pip install 'distnn[peers]'")
    draw(results, str(tmp_path / "a.svg"))
    assert "distnn, exact" in (tmp_path / "a.svg").read_text()
    with pytest.raises(UserError, match="cannot be written"):
        draw(results, str(tmp_path / "no" / "a.svg"))
