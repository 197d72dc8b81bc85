"""What a training would do is what it then does. (Under mpirun: tests/test_train.py.)"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from availability import need_instructions

from distnn.errors import UserError
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.runs.dry_run import show
from distnn.runs.job import open_table
from distnn.runs.options import Options
from distnn.runs.understanding import plan_alone
from distnn.train import main as train_main


@pytest.mark.parametrize("output", ["tanh", "softmax", "logistic"])
def test_the_network_is_that_which_is_trained(output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--examples", "50", "--hidden", "3", "--output-theta", output, "--out", str(tmp_path / "a"))
    assert train_main(OneRank(), [*arguments, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert train_main(OneRank(), [*arguments, "--max-iterations", "0", "--quiet"]) == 0
    network = load_model(tmp_path / "a").network
    assert f"d = {list(network.d)}" in shown
    assert any(line.split() == ["weights", str(network.w.size)] for line in shown.splitlines())


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_words_of_all_rows_are_counted(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each of them is an input, wherever it stands."""
    words = np.array(["oak", "fir"] * 300 + ["elm", "ash"] * 2)
    table = np.column_stack([words, np.arange(len(words)).astype(str), words])
    path = tmp_path / f"trees.{kind}"
    np.save(path, table) if kind == "npy" else path.write_text("\n".join(map(",".join, table)) + "\n")
    arguments = ["--data", str(path), "--types", "1=numbers", "--dry-run"]
    assert train_main(OneRank(), arguments) == 0
    shown = capsys.readouterr().out
    assert "604 rows, 5 inputs" in shown and "d = [5, 16, 16, 2]" in shown


def test_rows_held_out_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_main(OneRank(), ["--dry-run"]) == 0
    assert "held out" not in capsys.readouterr().out
    assert train_main(OneRank(), ["--dry-run", "--validation", "0.1", "--test", "0.15"]) == 0
    assert "held out       about 10 % of the rows to choose the weights, about 15 % of the rows for the test\n" in (
        capsys.readouterr().out
    )


def test_rows_beyond_memory_are_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--examples", "1000", "--out", str(tmp_path / "a"), "--scratch", str(tmp_path), "--dry-run")
    assert train_main(OneRank(), [*arguments, "--memory", "12K"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"12.3 kB of rows a rank (--memory); the rest, 19.7 kB, would be in {tmp_path} (--scratch)" in shown
    assert train_main(OneRank(), list(arguments)) == 0
    shown = capsys.readouterr().out
    assert "of rows a rank (--memory)" in shown and "--scratch" not in shown


@pytest.mark.parametrize(
    ("optimizer", "more", "kept"),
    [
        ("gradient-descent", {}, "0 B"),
        ("lbfgs", {"pairs": 10}, "388 kB"),
        ("adam", {}, "70.5 kB"),
        ("truncated-newton", {}, "4.32 MB"),
        ("levenberg-marquardt", {}, "225 MB"),
        ("bayesian", {}, "303 MB"),
    ],
)
def test_what_the_optimizer_keeps(
    optimizer: str, more: dict[str, Any], kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    need_instructions()
    options = Options(examples=500, optimizer=optimizer, hidden=(45, 44), **more)
    source = open_table(options, OneRank())
    show(options, source, plan_alone(options, source, OneRank()), 1, 10**9)
    shown = capsys.readouterr().out
    assert f"{kept} for the optimizer, at most\n" in shown
    assert ("JᵀJ" in shown) == (optimizer in ("levenberg-marquardt", "bayesian"))


def test_how_the_matrix_of_levenberg_marquardt_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, or in tiles where that is faster on several ranks, or the whole would be too large."""
    need_instructions()
    options = Options(examples=500, optimizer="levenberg-marquardt", hidden=(40, 38))
    source = open_table(options, OneRank())
    planned = plan_alone(options, source, OneRank())

    def shown(ranks: int, **more: Any) -> str:
        show(replace(options, **more), source, planned, ranks, 10**9)
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("JᵀJ"))

    whole = shown(1)
    assert re.search(r"1,717 × 1,717, whole on every rank: about 130 MB and 0\.\d+ s a step; in tiles", whole)
    for tiles in (shown(2), shown(1, max_megabytes=100.0)):
        assert "in tiles over the ranks: about" in tiles and "whole, on every rank, 130 MB" in tiles
    assert "whole on every rank: about" in shown(2, reduction="plain")
    show(replace(options, optimizer="lbfgs"), source, planned, 2, 10**9)
    assert "JᵀJ" not in capsys.readouterr().out


@pytest.mark.parametrize(("optimizer", "instead"), [("levenberg-marquardt", "lbfgs"), ("bayesian", "levenberg-")])
def test_too_large_a_matrix_is_refused_as_in_training(
    optimizer: str, instead: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the plan, which says how much it is."""
    arguments = ["--examples", "500", "--hidden", "30", "30", "--optimizer", optimizer, "--error", "squared"]
    sentences = []
    for more in ([], ["--dry-run"]):
        with pytest.raises(UserError, match=rf"{optimizer} would need .* MB a rank .* allows 3: .*{instead}") as raised:
            train_main(OneRank(), [*arguments, "--max-megabytes", "3", "--quiet", *more])
        sentences.append(str(raised.value))
    assert sentences[0] == sentences[1] and "JᵀJ  " in capsys.readouterr().out
