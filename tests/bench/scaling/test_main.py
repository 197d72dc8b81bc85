"""`python -m distnn.bench.scaling`: its tables, files and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distnn.bench.scaling import __main__ as command
from distnn.bench.scaling import simgrid
from distnn.bench.scaling.trial import Outcome, Trial
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank

PACE = ["--row", "1e-6", "--outside", "1e-4"]


def as_told(trial: Trial) -> Outcome:
    """Messages take 10 µs for each rank."""
    computing = trial.outside + trial.row * trial.n / trial.ranks
    return Outcome("0123456789abcdef", 1.0, computing + 1e-5 * (trial.ranks - 1), computing, 0.5)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "simulated", as_told)
    monkeypatch.setattr(command, "find", lambda: "")


def test_tables_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers, drawn = tmp_path / "numbers.json", tmp_path / "figure.svg"
    arguments = ["--ranks", "16", "1", "--rows", "1000", "--all-rows", "16000", "--network", "fat-tree", *PACE]
    assert command.main(OneRank(), [*arguments, "--json", str(numbers), "--figure", str(drawn)]) == 0
    said = capsys.readouterr().out
    assert "strong scaling, fat-tree, Allreduce rdb" in said and "weak scaling, fat-tree, Allreduce rdb" in said
    assert said.count("communication takes more than 10 % of an iteration with 16 ranks.") == 2
    found = json.loads(numbers.read_text())
    assert [(each["growth"], each["ranks"], each["n"]) for each in found] == [
        ("strong", 1, 16000),
        ("strong", 16, 16000),
        ("weak", 1, 1000),
        ("weak", 16, 16000),
    ]
    efficiencies = [line.split()[4:6] for line in said.splitlines() if line.split()[:1] == ["16"]]
    assert efficiencies == [["80", "%"], ["88", "%"]]  # 16.1 ms / 16 / 1.25 ms; 1.1 ms / 1.25 ms
    assert "fat-tree, rdb" in drawn.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network", "star"], "--network star: there is no such thing. Choose from: fat-tree, dragonfly."),
        (["--allreduce", "magic"], "--allreduce magic: there is no such thing."),
        (["--rows", "0"], "--rows 0: it needs to be above 0."),
        (["--all-rows", "-1"], "--all-rows -1: it needs to be above 0."),
        (["--latency", "nan"], "--latency nan: it needs to be above 0."),
        (["--row", "0"], "--row 0.0: it needs to be above 0."),
        (["--ranks", "0", "4"], "--ranks: give numbers of ranks"),
        (["--iterations", "1"], "--iterations 1: give at least 2."),
        (["--figure", "a.txt"], "--figure a.txt: the name must end with .png, .svg or .pdf."),
        (["--json", "/dev/null/all.json"], "/dev/null/all.json cannot be written: Not a directory."),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        command.main(OneRank(), arguments)
    assert str(refused.value).startswith(message)


def test_a_figure_is_of_simulated_ranks() -> None:
    with pytest.raises(UserError, match="--figure is of simulated ranks: leave it out, or start without mpirun"):
        command.read_options(["--figure", "a.svg"], 2)


def test_without_simgrid_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simgrid.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(simgrid, "PLACES", ())
    with pytest.raises(UserError, match=r"SimGrid is not installed, .* apt-get install"):
        simgrid.find()
