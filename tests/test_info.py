"""`distnn info`: what it says is there, and is so."""

from __future__ import annotations

import json
import platform
from importlib import metadata

import numpy as np
import pytest
from availability import use_instructions

import distnn
from distnn import info
from distnn.parallel.ranks import OneRank


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert info.main(OneRank(), ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_a_report_of_a_fault_needs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = told(capsys)
    assert found["distnn"].startswith(distnn.__version__)
    assert found["Python"].startswith(f"{platform.python_version()} ")
    assert found["numpy"] == np.__version__
    assert found["mpi4py"] == metadata.version("mpi4py")
    assert found["MPI"].endswith(", 1 rank") and "in use" not in found["MPI"]
    assert f"pyarrow {metadata.version('pyarrow')}" in found["packages"].split(", ")
    assert "OMP_NUM_THREADS=1" in found["variables"]
    assert all(found.values())
    assert info.main(OneRank(), []) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown for name in found)


@pytest.mark.parametrize(("value", "why"), [("off", "DISTNN_FUSED is off"), ("sse", "it should be one of")])
def test_why_there_is_no_compiled_code(
    value: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_instructions(value, monkeypatch)
    found = told(capsys)["compiled code"]
    assert found.startswith("none: ") and why in found


def test_packages_that_are_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        "importlib.metadata.requires",
        lambda name: [
            "numpy>=1.26",
            "nobody-has-this>=3; extra == 'x'",
            'h5py>=3; extra == "y"',
            "distnn; extra == 'z'",
        ],
    )
    found = told(capsys)
    assert (found["packages"], found["not installed"]) == (f"h5py {metadata.version('h5py')}", "nobody-has-this")
