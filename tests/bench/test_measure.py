"""What is measured, and what is left out and said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benching import QUICK

from distnn.bench import measure as measurement
from distnn.bench.peers import Peer
from distnn.parallel.ranks import OneRank


@pytest.mark.job
def test_missing_and_failing_peers_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Peer("Missing", "no_such_package", module="missing")
    failing = Peer("Failing", "pytest", module="no_such_module")
    monkeypatch.setattr(measurement, "PEERS", (missing, failing))
    found = measurement.measure("tiny", replace(QUICK, device="xla-cpu"), OneRank())
    assert found["left_out"]["Missing"] == "no_such_package is not installed (pip install 'distnn[peers]')"
    assert "no_such_module" in found["left_out"]["Failing"]
    assert [entry["name"] for entry in found["contenders"]] == ["distnn, exact", "distnn, plain", "distnn, xla-cpu"]
    assert [entry["device"] for entry in found["contenders"]] == [None, None, "xla-cpu"]
    assert found["contenders"][2]["times_distnn"] == 1
