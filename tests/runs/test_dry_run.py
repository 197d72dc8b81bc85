"""What a training would do is what it then does. (Under mpirun: tests/test_train.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from distnn.inference.model import load_model
from distnn.parallel.ranks import OneRank
from distnn.runs.dry_run import amount
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


def test_rows_held_out_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_main(OneRank(), ["--dry-run"]) == 0
    assert "held out" not in capsys.readouterr().out
    assert train_main(OneRank(), ["--dry-run", "--validation", "0.1", "--test", "0.15"]) == 0
    assert "held out       about 10 % of the rows to choose the weights, about 15 % of the rows for the test\n" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (6088, "6.09 kB"), (2.5e9, "2.5 GB"), (3e15, "3e+03 TB")],
)
def test_amounts_of_memory(size: float, words: str) -> None:
    assert amount(size) == words
