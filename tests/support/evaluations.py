"""Two models to evaluate, one of numbers and one of words, and the tables that they were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tables import regression, words, write_csv
from threaded_ranks import on_ranks

from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train_main

N = 2500


def trained_on(folder: Path) -> Path:
    """The folder, with numbers.csv and words.csv, and the runs numbers and words; some rows were held out."""
    X, Y = regression(N, m=2)
    weights = np.random.default_rng(3).integers(0, 5, N) / 2
    names = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
    write_csv(folder / "numbers.csv", {**names, "w": weights, "p": Y[:, 0], "q": Y[:, 1] + 1e7})
    X, Z = words(N)
    write_csv(folder / "words.csv", {"u": X[:, 0], "v": X[:, 1], "fruit": Z})
    common = [
        "--hidden",
        "5",
        "--quiet",
        "--validation",
        "0.3",
        "--test",
        "0.2",
        "--seed",
        "4",
        "--max-iterations",
        "40",
    ]
    for name, targets in (("numbers", ("p", "q", "--weights", "w")), ("words", ("fruit",))):
        arguments = ["--data", str(folder / f"{name}.csv"), "--targets", *targets, *common]
        assert train_main(OneRank(), [*arguments, "--out", str(folder / name)]) == 0
    return folder


def evaluated(folder: Path, name: str, rows: str = "all", size: int = 1, worst: int = 0) -> dict[str, Any]:
    """What the last of so many ranks finds of a model on its table."""
    options = ApplyOptions(model=str(folder / name), data=str(folder / f"{name}.csv"))

    def work(ranks: Ranks) -> dict[str, Any]:
        return evaluate(Application(options, ranks, with_targets=True), rows, worst)

    return work(OneRank()) if size == 1 else on_ranks(size, work)[size - 1]
