"""What a report says that it lacks, instead of a traceback, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from reporting import parsed, report, subject, train, words_of
from tables import write_csv

from distnn import UserError
from distnn.report.page import page
from distnn.runs import owner


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a run, to take parts from."""
    shutil.copytree(trained / "words", tmp_path / "words")
    return tmp_path / "words"


def lacking(model: Path, data: Path | None = None) -> str:
    """What the page says in its first list."""
    return " ".join(subject(model, data).lacking)


def test_a_whole_run_lacks_nothing(run: Path) -> None:
    assert lacking(run) == ""


def test_what_is_lacking_stands_first(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.report.figures.FIGURES", ())
    for path in (run / "metrics.jsonl", run / "options.toml", run / "environment.json", run / "result.json"):
        path.unlink()
    page = parsed(report(tmp_path, "--model", str(run)))
    found = page.find("body/main")
    assert found is not None and [element.tag for element in found[:2]] == ["h1", "ul"]
    assert [words_of(sentence) for sentence in found[1]] == subject(run).lacking


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("metrics.jsonl", "metrics.jsonl: the course of the training is not known."),
        ("result.json", "result.json: the run has not come to its end: --resume goes on with it."),
        ("environment.json", "environment.json: the environment is not known."),
        ("options.toml", "No table is known: give one by --data"),
        ("model.safetensors", "the model is that of"),
    ],
)
def test_files_that_are_missing_or_damaged(file: str, sentence: str, run: Path) -> None:
    (run / file).unlink()
    assert sentence in lacking(run)
    if file != "model.safetensors":
        (run / file).write_bytes(b"\xff{]\n")
        assert file in lacking(run)


@pytest.mark.parametrize(
    ("file", "was", "now", "sentence"),
    [
        (
            "options.toml",
            "data = .*",
            "data = [1]",
            r"table of the training cannot be used: --data \[1\] is of",
        ),
        ("options.toml", "seed = .*", 'seed = "a"', "table of the training cannot be used: --seed 'a' is of"),
        ("result.json", '"E_in": .*,', '"E_in": "low",', None),
        ("metrics.jsonl", '"E_in": [^,]*', '"E_in": 1' + 400 * "0", None),
    ],
)
def test_values_of_the_wrong_kind(file: str, was: str, now: str, sentence: str | None, run: Path) -> None:
    text = (run / file).read_text()
    changed = re.sub(was, now, text)
    assert changed != text
    (run / file).write_text(changed)
    found = subject(run)
    assert page(found, {}).startswith("<!DOCTYPE html>")
    assert sentence is None or re.search(sentence, " ".join(found.lacking))


def test_a_run_that_goes_on(run: Path) -> None:
    (run / "result.json").unlink()
    (run / "model.safetensors").unlink()
    shutil.rmtree(run / "checkpoints")
    (run / "claim-1.json").write_text(owner.myself(False).text())
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"t": 41, "E_i')
    found = lacking(run)
    assert "the run is still going" in found and "There is no model in" in found and "damaged" not in found


def test_a_run_that_was_stopped(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "code": 75, "text": "signal 15"}))
    assert "The run was stopped before its end (signal 15): --resume goes on with it." in lacking(run)


def test_a_model_without_a_run(trained: Path, tmp_path: Path) -> None:
    model = shutil.copy(trained / "numbers/model.safetensors", tmp_path / "model.safetensors")
    assert "is the file of a model, not the directory of a run" in lacking(Path(model))
    found = lacking(Path(model), trained / "numbers.csv")
    assert "No table is known" not in found


def test_the_table_is_another_one_or_gone(run: Path, tmp_path: Path) -> None:
    options = (run / "options.toml").read_text()
    for table, sentence in (("gone.csv", "cannot be used: gone.csv"), ("other.csv", "is not the table that the model")):
        write_csv(tmp_path / "other.csv", {"u": [1, 2, 3], "v": [1, 2, 3], "fruit": ["apple", "pear", "plum"]})
        name = str(tmp_path / table) if table == "other.csv" else table
        (run / "options.toml").write_text(
            "\n".join(f'data = "{name}"' if line.startswith("data =") else line for line in options.splitlines())
        )
        assert sentence in lacking(run)
    given = subject(run, tmp_path / "other.csv")
    assert given.predictions is not None and given.predictions.numbers.tolist() == [0, 1, 2]
    assert "all of its rows are shown" in " ".join(given.lacking)


def test_the_built_in_table(tmp_path: Path) -> None:
    from distnn.parallel.ranks import OneRank
    from distnn.train import main

    arguments = ["--examples", "300", "--hidden", "3", "--max-iterations", "3", "--seed", "5", "--quiet"]
    assert main(OneRank(), [*arguments, "--out", str(tmp_path / "run")]) == 0
    found = subject(tmp_path / "run")
    assert found.lacking == [] and found.predictions is not None and found.predictions.rows == 300


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("fold", "holds 2 folds."),
        ("member", "holds 2 members, and the model of their ensemble."),
        ("restart", "holds 2 restarts, and the best one's model."),
    ],
)
def test_several_runs_are_shown_together(kind: str, said: str, trained: Path, tmp_path: Path) -> None:
    train(trained / "words.csv", tmp_path / "run", "--targets", "fruit", f"--{kind}s", "2", "--max-iterations", "4")
    found = subject(tmp_path / "run")
    assert said in " ".join(found.lacking)
    assert [history.path.name for history in found.histories] == [f"{kind}-000", f"{kind}-001"]
    assert all(len(history.of("t")) == 5 for history in found.histories)
    assert (found.predictions is not None) == (kind != "fold")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--model is missing"),
        (["--model", "gone"], "gone is not there"),
        (["--model", "."], "holds neither a run nor a model"),
        (["--model", "{words}", "--data", "gone.csv"], "gone.csv"),
        (["--model", "{words}", "--data", "{numbers}"], "lacks the column u"),
        (["--model", "{words}", "--most-rows", "0"], "--most-rows 0"),
        (["--compare", "{words}", "gone"], "gone is not there"),
        (["--model", "{numbers}"], "does not hold a model|was not written by distnn"),
    ],
)
def test_bad_input(
    arguments: list[str], sentence: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"words": trained / "words", "numbers": trained / "numbers.csv"}
    with pytest.raises(UserError, match=sentence):
        report(tmp_path, *(argument.format(**names) for argument in arguments))
    assert list(tmp_path.iterdir()) == []


def test_of_a_longer_table_a_part_is_shown_evenly_spread(trained: Path) -> None:
    found = subject(trained / "numbers", trained / "numbers.csv", most=500).predictions
    assert found is not None and 50 < len(found.numbers) < 110  # of 400 rows with weight a fifth is kept for the test
    assert np.ptp(found.numbers) > 2000
    assert "figures are of" in " ".join(found.lacking)
    whole = subject(trained / "numbers").predictions
    assert whole is not None and found.evaluations == whole.evaluations
