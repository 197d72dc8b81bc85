"""Beginning with the weights of a model: --start."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from mpi_runner import mpirun
from threaded_ranks import on_ranks
from trainings import trained

from distnn import UserError, fit, predict
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options, check
from distnn.storage.files import read
from distnn.train import main

TRAIN = ("--quiet", "--examples", "3000", "--hidden", "4")


def records(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("start") / "first"
    adam = ("--optimizer", "adam", "--batch-size", "50", "--evaluate-every", "100", "--max-iterations", "300")
    trained(out, *TRAIN, *adam)
    return out


@pytest.mark.job
def test_one_optimizer_after_another(first: Path, tmp_path: Path) -> None:
    start = tmp_path / "model"
    shutil.copytree(first, start)
    done = mpirun(
        *(2, "-m", "distnn.train", *TRAIN, "--optimizer", "lbfgs", "--max-iterations", "5"),
        *("--start", start, "--out", tmp_path / "on"),
    )
    assert done.returncode == 0, done.stderr
    found = records(tmp_path / "on")
    assert found[0]["E_in"] == records(first)[-1]["E_in"]
    assert found[-1]["E_in"] < found[0]["E_in"]

    shutil.rmtree(start)  # the checkpoint has all that is needed to go on
    trained(tmp_path / "on", "--resume", "--max-iterations", "9", "--quiet")
    trained(tmp_path / "once", *TRAIN, "--optimizer", "lbfgs", "--max-iterations", "9", "--start", first)
    assert read(tmp_path / "on" / "model.safetensors")[0]["w"].tobytes() == (
        read(tmp_path / "once" / "model.safetensors")[0]["w"].tobytes()
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--error", "cross-entropy"), "the architecture [2, 4, 1], and this training [2, 4, 2]"),
        (("--output-theta", "identity"), "the output tanh, and this training identity"),
    ],
)
def test_the_model_has_to_fit(first: Path, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--start {first}: that model has {words}")):
        trained(tmp_path / "on", *TRAIN, "--start", first, *options)


def test_other_columns_are_refused(first: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("pressure,angle,lift\n1,2,0\n3,4,1\n5,7,1\n")
    table = ("--data", tmp_path / "a.csv", "--output-theta", "tanh")
    said = "that model has the inputs ['x1', 'x2'], and this training ['pressure', 'angle']"
    with pytest.raises(UserError, match=re.escape(said)):
        trained(tmp_path / "on", "--quiet", "--hidden", "4", *table, "--start", first)


@pytest.mark.parametrize("hidden", ["4", "5 3"])
def test_on_another_table_it_computes_the_same(tmp_path: Path, hidden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other means and deviations, of inputs and targets: the weights are changed to suit them."""
    monkeypatch.setattr("distnn.runs.job.caught", lambda ranks: nullcontext())  # signals are for main threads
    generator = np.random.default_rng(0)
    for name, offset, spread in (("first", 3.0, 2.0), ("second", -40.0, 9.0)):
        x = generator.normal(offset, spread, (500, 3))
        np.savetxt(tmp_path / f"{name}.csv", np.column_stack([x, np.sin(x), x[:, :1] ** 2]), "%.17g", ",")
    train = ("--quiet", "--hidden", *hidden.split(), "--targets", "3", "4", "5", "6")
    for name, more in (
        ("first", ("--max-iterations", "20")),
        ("second", ("--start", tmp_path / "first", "--max-iterations", "0")),
    ):
        given = [*train, "--data", tmp_path / f"{name}.csv", "--out", tmp_path / name, *more]
        on_ranks(2, lambda ranks: main(ranks, [*map(str, given)]))  # noqa: B023
        model, table, out = tmp_path / name, tmp_path / "second.csv", tmp_path / f"{name}.npy"
        assert predict.main(OneRank(), ["--model", str(model), "--data", str(table), "--out", str(out)]) == 0
    first, second = (np.load(tmp_path / f"{name}.npy") for name in ("first", "second"))
    np.testing.assert_allclose(second, first, rtol=1e-9, atol=1e-12)
    weights = [read(tmp_path / name / "model.safetensors")[0]["w"] for name in ("first", "second")]
    assert not np.allclose(*weights, rtol=0.1)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    train = ("--quiet", "--hidden", "3", "--max-iterations", "3", "--optimizer", "lbfgs")
    for name, classes in (("first", "ab"), ("second", "bc")):
        (tmp_path / f"{name}.csv").write_text("x,kind\n" + "".join(f"{i},{classes[i % 2]}\n" for i in range(9)))
    trained(tmp_path / "first", *train, "--data", tmp_path / "first.csv")
    said = "that model has the classes ['a', 'b'], and this training ['b', 'c']"
    with pytest.raises(UserError, match=re.escape(said)):
        trained(tmp_path / "on", *train, "--data", tmp_path / "second.csv", "--start", tmp_path / "first")


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(tmp_path / "none")):
        trained(tmp_path / "on", *TRAIN, "--start", tmp_path / "none")


def test_weights_come_from_one_place() -> None:
    for more in ({"restarts": 2}, {"sigma": 0.1}):
        with pytest.raises(UserError, match="--start gives the weights"):
            check(Options(start="a", **more))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="start: give a model"):
        fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 4.0], start="a")
