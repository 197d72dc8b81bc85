"""The log as it grows: half lines, files that are begun anew, and very long ones."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from distnn.runs.watching import log as module
from distnn.runs.watching.log import Log


def line(t: int, E_val: float | None = None, **more: object) -> str:
    return json.dumps({"t": t, "E_in": 1 / (t + 1), "E_val": E_val, "seconds": 0.5 * t, **more}) + "\n"


def ts(log: Log) -> list[int]:
    return [t for t, _, _ in log.curve()]


def test_it_is_read_as_it_grows(tmp_path: Path) -> None:
    log, file = Log(tmp_path), tmp_path / "metrics.jsonl"
    log.read()
    assert (log.last, log.curve()) == (None, [])
    text = "".join(line(t) for t in range(4))
    for size in (10, len(text) - 5, len(text)):  # half a line; three and a half; four
        file.write_text(text[:size])
        log.read()
    assert ts(log) == [0, 1, 2, 3]
    assert log.rate("t") == 2.0
    assert log.last is not None and log.last["E_in"] == 0.25


@pytest.mark.parametrize(
    "damaged",
    [
        "{\n",
        "[]\n",
        '{"t": 7}\n',
        "\n",
        '{"t": "a", "E_in": 1}\n',
        "\xff\n",
        "[" * 9999,
        f'{{"t": 1{400 * "0"}, "E_in": 1}}\n',
    ],
)
def test_what_is_no_record_is_passed_over(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(line(0) + damaged + "\n" + line(1, E_val=None))
    log = Log(tmp_path)
    log.read()
    assert ts(log) == [0, 1]
    assert math.isnan(log.points[1][2])


def test_what_is_no_number_is_not_known(tmp_path: Path) -> None:
    for bad in ('"x"', "[1]", "1" + 400 * "0"):
        (tmp_path / "metrics.jsonl").write_text(
            line(0) + f'{{"t": 1, "E_in": {bad}, "gradient_norm": {bad}, "E_val": 2}}\n'
        )
        log = Log(tmp_path)
        log.read()
        assert log.last == {"t": 1, "E_val": 2}
        assert math.isnan(log.curve()[-1][1]) and math.isnan(log.rate("gradient_norm"))


def test_a_resumed_run_begins_it_anew(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    log = Log(tmp_path)
    file.write_text("".join(line(t) for t in range(9)))
    log.read()
    (tmp_path / "other").write_text("".join(line(t) for t in range(5)))
    (tmp_path / "other").replace(file)
    log.read()
    assert ts(log) == [0, 1, 2, 3, 4]
    file.unlink()
    log.read()
    assert log.last is None


def test_a_long_one_is_read_here_and_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES", 20_000)
    monkeypatch.setattr(module, "LINES", 100)
    (tmp_path / "metrics.jsonl").write_text("".join(line(t) for t in range(3000)))
    log = Log(tmp_path)
    log.read()
    found = ts(log)
    assert (found[0], found[-1]) == (0, 2999)
    assert found == sorted(set(found))
    assert 80 <= len(found) <= 150
    assert max(b - a for a, b in pairwise(found)) < 60, "a gap"
    assert log.rate("t") == pytest.approx(2.0)


def test_a_curve_has_so_many_points_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTS", 64)
    (tmp_path / "metrics.jsonl").write_text("".join(line(t) for t in range(1000)))
    log = Log(tmp_path)
    log.read()
    found = ts(log)
    assert len(found) <= 65
    assert (found[0], found[-1]) == (0, 999)
    assert {b - a for a, b in pairwise(found[:-1])} == {16}


@pytest.mark.parametrize(("given", "known"), [([0.25, 0.5], (0.25, 0.5)), ([1], None), ("x", None), (["a", "b"], None)])
def test_communication(given: object, known: object, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(line(0, communication=given) + line(1))
    log = Log(tmp_path)
    log.read()
    assert log.communication == known
