"""The figure: it shows who was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from benching import QUICK

from distnn.bench import measure as measurement
from distnn.bench.figure import draw
from distnn.parallel.ranks import OneRank


def test_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'distnn[report]'")
    monkeypatch.setattr(measurement, "PEERS", ())
    results = {
        "workloads": {"tiny": measurement.measure("tiny", QUICK, OneRank())},
        "machine": {"cpu": "a CPU", "cores": 2, "date": "today"},
    }
    draw(results, str(tmp_path / "a.svg"))
    assert "distnn, exact" in (tmp_path / "a.svg").read_text()
