"""An ensemble: one model of members, each of which is what a run of it alone comes to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distnn import evaluate
from distnn.errors import DONE
from distnn.inference.ensemble import Ensemble
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.train import main

SMALL = ("--hidden", "3", "--max-iterations", "8")


def run(*arguments: str) -> int:
    return main(OneRank(), list(arguments))


@pytest.fixture(scope="module")
def ensemble(table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ensemble") / "run"
    given = ("--members", "3", "--bootstrap", "--validation", "0.3", "--ignore", "site")
    assert run("--data", table, *given, *SMALL, "--out", str(out), "--quiet") == DONE
    return out


def test_an_ensemble_is_one_model_of_members_that_are_runs_alone(ensemble: Path, table: str, tmp_path: Path) -> None:
    whole = load_model(ensemble)
    assert isinstance(whole, Ensemble)
    for k in range(3):
        out = tmp_path / f"{k}"
        given = ("--members", "3", "--bootstrap", "--validation", "0.3", "--ignore", "site", "--only", str(k))
        assert run("--data", table, *given, *SMALL, "--out", str(out), "--quiet") == DONE
        assert (out / "model.safetensors").read_bytes() == (ensemble / f"member-00{k}/model.safetensors").read_bytes()
        assert whole.members[k].network.w.tobytes() == load_model(out).network.w.tobytes()


def test_an_ensemble_is_evaluated_on_rows_that_no_member_has_seen(
    ensemble: Path, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(OneRank(), ["--model", str(ensemble), "--data", table, "--json", "--rows", "held-out"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = json.loads((ensemble / "farm.json").read_text())
    assert told["E"] == found["ensemble"]["held-out"]["E"]
    assert told["E"] <= np.mean([member["E_val"] for member in found["members"]])  # as of any mean, by convexity


def test_members_without_bootstrap_share_their_rows_and_differ(table: str, tmp_path: Path) -> None:
    out, alone = tmp_path / "run", tmp_path / "alone"
    given = ("--data", table, "--members", "2", "--ignore", "site", *SMALL, "--quiet")
    assert run(*given, "--out", str(out)) == DONE
    assert run(*given, "--only", "1", "--out", str(alone)) == DONE
    models = [(out / f"member-00{k}" / "model.safetensors").read_bytes() for k in range(2)]
    assert models[0] != models[1] == (alone / "model.safetensors").read_bytes()


def test_members_have_one_network_also_where_the_evidence_chooses_it(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnn.runs.network_search.ITERATIONS", 15)
    given = ("--data", table, "--members", "2", "--bootstrap", "--ignore", "site", "--max-iterations", "5", "--quiet")
    assert run(*given, "--out", str(tmp_path)) == DONE
    whole = load_model(tmp_path)
    assert isinstance(whole, Ensemble)
    assert {member.network.d for member in whole.members} == {whole.network.d}
