"""The lines of one run and of several, at any size."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from distnn.runs import owner
from distnn.runs.watching import view
from distnn.runs.watching.view import Watched, line, table, whole


def running(folder: Path, records: int = 20, **more: object) -> Watched:
    """A run that goes on at two iterations a second, of 100 at most, with a checkpoint 90 seconds old."""
    (folder / "checkpoints").mkdir(parents=True)
    checkpoint = folder / "checkpoints/checkpoint-0000000010.safetensors"
    checkpoint.touch()
    os.utime(checkpoint, (time.time() - 90,) * 2)
    (folder / "options.toml").write_text("max-iterations = 100\n")
    (folder / "claim-1.json").write_text(owner.myself(False).text())
    rows = [
        {"t": t, "E_in": 1 / (t + 1), "E_val": 2 / (t + 1), "seconds": t / 2, "gradient_norm": 0.5, **more}
        for t in range(records)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    os.utime(folder / "metrics.jsonl", (time.time() + 3600,) * 2)  # so that no time goes by
    run = Watched(folder)
    run.look()
    return run


def facts(run: Watched) -> dict[str, str]:
    return {line[: view.INDENT].strip(): line[view.INDENT :] for line in whole(run, 200, 99)[1:8]}


def test_all_of_a_run(tmp_path: Path) -> None:
    found = facts(running(tmp_path / "run", communication=[0.01, 0.125]))
    assert found["state"].startswith("running, process ")
    assert found["t"] == "19 of 100, 2 a second"
    assert found["E_in"] == "0.05, |G| 0.5"
    assert found["E_val"] == "0.1, the lowest about 0.1 at t 19"
    assert found["time"] == "10 s, at most 40 s left (--max-iterations)"
    assert re.fullmatch(r"t 10, \d+ min \d\d s ago", found["checkpoint"])
    assert found["waiting"] == "1.0 to 12.5 % of the ranks' time, in communication"


def test_it_fits_and_has_curves_where_there_is_room(tmp_path: Path) -> None:
    run = running(tmp_path / "run", communication=[0.01, 0.125])
    for width in range(20, 120, 9):
        for height in range(3, 40, 4):
            lines = whole(run, width, height)
            assert len(lines) <= height
            assert max(map(len, lines)) <= width
    assert whole(run, 80, 24)[-1] == "⠒⠒ E_in  ×× E_val"
    assert any("┤" in line for line in whole(run, 80, 24))


def test_before_the_first_iteration(tmp_path: Path) -> None:
    run = running(tmp_path / "run", records=0)
    assert whole(run, 80, 24)[2:] == ["t           no iteration yet: it reads the data"]


def test_a_line_for_each_of_several(tmp_path: Path) -> None:
    runs = [running(tmp_path / "a"), running(tmp_path / "longer-name", records=5), Watched(tmp_path / "none")]
    runs[2].look()
    header, first, second, third = table(runs, 200)
    assert header.split() == ["run", "state", "t", "E_in", "E_val", "rate", "left"]
    assert first.split()[:6] == [str(tmp_path / "a"), "running", "19/100", "0.05", "0.1", "2/s"]
    assert second.split()[1:3] == ["running", "4/100"]
    assert third.split() == [str(tmp_path / "none"), "no", "run"]
    for width in (30, 40, 80):
        assert all(len(line) <= width for line in table(runs, width))
    assert line(runs[0]).startswith(f"{tmp_path / 'a'}: running, t 19/100, E_in 0.05, E_val 0.1, rate 2/s, left ")


@pytest.mark.parametrize("kind", ["fold", "member", "restart", "trial"])
def test_of_several_runs_the_newest_is_shown(kind: str, tmp_path: Path) -> None:
    running(tmp_path / "run")
    running(tmp_path / f"run/{kind}-999")
    running(tmp_path / f"run/{kind}-1000", records=7)
    (tmp_path / f"run/{kind}-999/result.json").write_text('{"code": 0}')
    run = Watched(tmp_path / "run")
    run.look()
    assert run.log.last is not None and run.log.last["t"] == 6
    assert facts(run)["run"] == f"{kind}-1000, the newest; 2 begun, 1 finished"


def test_a_directory_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    run = Watched(tmp_path)
    monkeypatch.setattr(view, "look", forbidden)
    run.look()
    assert run.over
    assert run.state.words == f"{tmp_path} cannot be read: Permission denied"
