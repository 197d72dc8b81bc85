"""What a run is doing, as its files say."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from distnn.parallel.ranks import OneRank
from distnn.runs import owner
from distnn.runs.watching.state import (
    ENDED,
    FAILED,
    INTERRUPTED,
    KILLED,
    LEFT,
    NONE,
    RUNNING,
    WAITING,
    look,
)
from distnn.train import main


def claimed(folder: Path, who: owner.Owner, silent: float = 0.0) -> None:
    (folder / "options.toml").write_text("max-iterations = 9\n")
    path = folder / "claim-12.json"
    path.write_text(who.text())
    os.utime(path, (time.time() - silent,) * 2)


ME = owner.myself(False)
GONE = replace(ME, started="1")
ELSEWHERE = replace(ME, place="another host", host="node7")


@pytest.mark.parametrize(
    ("who", "silent", "kind"),
    [
        (ME, 0, RUNNING),
        (ME, 900, RUNNING),  # suspended, but there
        (GONE, 0, KILLED),
        (replace(GONE, elastic=True), 0, RUNNING),  # another rank may take over
        (replace(GONE, elastic=True), 900, KILLED),
        (ELSEWHERE, 0, RUNNING),
        (ELSEWHERE, -900, RUNNING),  # its clock is ahead
        (ELSEWHERE, 900, KILLED),
    ],
)
def test_a_claim(who: owner.Owner, silent: float, kind: str, tmp_path: Path) -> None:
    claimed(tmp_path, who, silent)
    (tmp_path / "result.json").write_text('{"code": 0}')  # of before it was resumed
    (tmp_path / "claim-3.json").write_text("{}")  # an older one
    found = look(tmp_path)
    assert found.kind == kind
    assert who.host in found.words
    assert found.options == {"max-iterations": 9}


@pytest.mark.parametrize("text", ["", "{}", "[" * 9999])
def test_a_claim_that_is_none_of_this_version(text: str, tmp_path: Path) -> None:
    (tmp_path / "claim-1.json").write_text(text)
    assert look(tmp_path).kind == RUNNING


@pytest.mark.parametrize(("code", "kind"), [(0, ENDED), (1, FAILED), (75, INTERRUPTED)])
def test_a_result(code: int, kind: str, tmp_path: Path) -> None:
    (tmp_path / "options.toml").touch()
    (tmp_path / "result.json").write_text(json.dumps({"code": code, "text": "t >= 9"}))
    found = look(tmp_path)
    assert found.kind == kind
    assert found.words.startswith(f"with code {code}: t >= 9")


def test_no_run(tmp_path: Path) -> None:
    assert look(tmp_path / "none").kind == NONE
    assert look(tmp_path).kind == WAITING
    (tmp_path / "notes").touch()
    assert look(tmp_path).kind == NONE
    (tmp_path / "options.toml").write_text("max-iterations = \0")
    (tmp_path / "result.json").write_text("[3]")
    assert look(tmp_path).kind == WAITING
    (tmp_path / "options.toml").write_text("max-iterations = 3")
    assert look(tmp_path).kind == LEFT


def test_a_run_that_has_ended(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = ["--examples", "60", "--hidden", "2", "--max-iterations", "2", "--quiet", "--restarts", "2"]
    assert main(OneRank(), [*run, "--out", str(out)]) == 0
    assert (look(out).kind, look(out).words) == (ENDED, "with code 0: 2 restarts")
    newest = out / "restart-001"
    found = look(newest)
    assert (found.kind, found.words) == (ENDED, "with code 0: t >= 2")
    assert found.checkpoint is not None and found.checkpoint[0] == 2
    (newest / "waiting").mkdir()
    (newest / "waiting/rank-3").touch()
    assert look(newest).late == 1
