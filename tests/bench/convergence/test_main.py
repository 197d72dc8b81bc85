"""`python -m distnn.bench.convergence`, as a user runs it: the tables say what was recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from convergence import error

from distnn import UserError
from distnn.bench import contender as contenders
from distnn.bench.convergence.__main__ import main
from distnn.bench.convergence.problems import PROBLEMS
from distnn.parallel.ranks import OneRank

OURS = ["distnn lbfgs", "distnn levenberg-marquardt", "distnn truncated-newton"]


def test_distnn_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda package: None)
    file = tmp_path / "numbers.json"
    arguments = ["--quick", "--seeds", "2", "--json", str(file), "--problem", "xor", "teacher", "digits"]
    assert main(OneRank(), arguments) == 0
    said = capsys.readouterr().out
    for peer in ("scikit-learn", "torch", "scipy", "optimistix"):
        assert f"{peer} is not installed: left out." in said
    assert "digits: left out, since it needs scikit-learn." in said
    report = json.loads(file.read_text())
    assert list(report["problems"]) == ["xor", "teacher"]
    assert list(report["problems"]["xor"]["contenders"]) == [OURS[0], OURS[2]]
    assert list(report["problems"]["teacher"]["contenders"]) == OURS
    for name, problem in report["problems"].items():
        for contender, runs in problem["contenders"].items():
            assert len(runs) == 2 and f"| {contender} |" in said
            for seed, found in enumerate(runs):
                start = error(replace(PROBLEMS[name], rows=500).instance(seed))
                assert found["first"] == pytest.approx(start, rel=1e-12)
                evaluations, seconds = 0.0, 0.0
                for goal, point in zip(problem["goals"], found["goals"], strict=True):
                    assert (point is None) == (found["end"][2] > goal)
                    if point is not None:
                        assert point[2] <= goal and point[0] >= max(1, evaluations) and point[1] >= seconds
                        evaluations, seconds = point[:2]
    assert report["problems"]["teacher"]["contenders"][OURS[0]][0]["goals"][0] is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--problem", "chess"], "--problem chess: there is no such problem. Choose from: xor"),
        (["--seeds", "0"], "--seeds 0: give at least 1"),
        (["--json", "/dev/null/numbers.json"], "/dev/null/numbers.json cannot be written: Not a directory"),
        (["--fast"], "--fast"),
    ],
)
def test_bad_options(arguments: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        main(OneRank(), arguments)
