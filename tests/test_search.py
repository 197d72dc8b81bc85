"""The search for options: all combinations, some at random, or those that a sampler of Optuna chooses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnn import search, train
from distnn.errors import DONE, STOPPED, UserError
from distnn.parallel.ranks import OneRank
from distnn.runs.farm.schedule import Root

GIVEN = ("--validation", "0.2", "--max-iterations", "6", "--quiet")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("table") / "table.npy"
    x = np.random.default_rng(0).normal(size=(100, 2))
    np.save(path, np.column_stack([x, np.sin(x[:, 0]) * x[:, 1]]))
    return str(path)


def run(*arguments: str) -> int:
    return search.main(OneRank(), list(arguments))


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "members.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def grid(table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("search") / "run"
    assert run(table, *GIVEN, "--grid", "hidden=2,3x2", "weight-decay=0,1e-2", "--out", str(out)) == DONE
    return out


def test_the_best_of_all_combinations_is_kept_with_its_options(grid: Path, table: str, tmp_path: Path) -> None:
    found = rows(grid)
    assert [(row["hidden"], row["weight-decay"]) for row in found] == [
        ("2", "0"),
        ("2", "0.01"),
        ("3x2", "0"),
        ("3x2", "0.01"),
    ]
    best = int(np.argmin([float(row["E_val"]) for row in found]))
    assert (grid / "model.safetensors").read_bytes() == (grid / f"trial-00{best}/model.safetensors").read_bytes()
    given = [table, "--config", str(grid / "best.toml"), "--quiet", "--out", str(tmp_path / "again")]
    assert train.main(OneRank(), given) == DONE
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (grid / "model.safetensors").read_bytes()
    told = json.loads((grid / "farm.json").read_text())
    assert told["kind"] == "trial" and "hidden" not in told["mean"] and told["mean"]["E_val"] is not None


def test_a_trial_is_what_a_training_with_its_options_is(grid: Path, table: str, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    given = [table, *GIVEN, "--hidden", "3", "2", "--weight-decay", "0.01", "--out", str(alone)]
    assert train.main(OneRank(), given) == DONE
    for name in ("model.safetensors", "options.toml"):
        assert (alone / name).read_bytes() == (grid / "trial-003" / name).read_bytes()


def test_the_size_of_groups_can_be_given(table: str, tmp_path: Path) -> None:
    given = ("--grid", "hidden=2,3", "--group-size")
    assert run(table, *GIVEN, *given, "1", "--out", str(tmp_path / "run")) == DONE
    with pytest.raises(UserError, match="--group-size 2: there is one rank"):
        run(table, *GIVEN, *given, "2", "--out", str(tmp_path / "other"))


@pytest.mark.parametrize("sampler", ["random", "TPESampler"])
def test_a_search_that_was_stopped_goes_on(
    sampler: str, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trials that are finished stay, the one that was stopped goes on with its options, and more are asked for."""
    given = (table, *GIVEN, "--space", "hidden=2,3", "weight-decay=1e-4..1", "--trials", "4", "--sampler", sampler)
    whole, out, look, looks = tmp_path / "whole", tmp_path / "out", Root.look, list[Any]()
    assert run(*given, "--out", str(whole)) == DONE

    def signalled(self: Root) -> int:
        looks.append(None)
        return 15 if len(looks) == 10 else look(self)

    monkeypatch.setattr(Root, "look", signalled)
    assert run(*given, "--out", str(out)) == STOPPED
    monkeypatch.undo()
    begun = sorted(path.name for path in out.glob("trial-*"))
    assert 0 < len(begun) < 4
    assert run("--resume", "--out", str(out), "--trials", "4", "--quiet") == DONE
    found = rows(out)
    assert len(found) == 4
    for k in range(len(begun) if sampler != "random" else 4):  # a sampler draws anew in the next job
        assert (out / f"trial-00{k}/model.safetensors").read_bytes() == (
            whole / f"trial-00{k}/model.safetensors"
        ).read_bytes()
    assert len({row["weight-decay"] for row in found}) == 4


def test_evidence_is_compared_where_there_is_one(table: str, tmp_path: Path) -> None:
    given = (table, "--optimizer", "bayesian", "--max-iterations", "6", "--quiet", "--grid", "hidden=1,2")
    assert run(*given, "--out", str(tmp_path)) == DONE
    evidence = [float(row["evidence"]) for row in rows(tmp_path)]
    best = int(np.argmax(evidence))
    assert (tmp_path / "model.safetensors").read_bytes() == (
        tmp_path / f"trial-00{best}/model.safetensors"
    ).read_bytes()


def test_what_cannot_be_is_refused(table: str, tmp_path: Path) -> None:
    for given, why in (
        ((), "needs one of --grid and --space"),
        (("--grid", "hidden=2", "--space", "hidden=2"), "needs one of"),
        (("--grid", "hidden=2"), "add --validation 0.2"),
        (("--validation", "0.2", "--grid", "hidden=2", "--trials", "3"), "leave out --trials"),
        (("--validation", "0.2", "--grid", "hidden=2", "--folds", "3"), "compares single trainings"),
        (("--validation", "0.2", "--grid", "optimizer=foo"), "--optimizer foo: choose from"),
        (("--validation", "0.2", "--space", "hidden=2", "--sampler", "x"), "--sampler x: choose random, or of Optuna"),
        (("--validation", "0.2", "--space", "hidden=2", "--sampler", "GridSampler"), "needs more than a seed"),
        (("--validation", "0.2", "--space", "hidden=0,2"), "every layer needs a width"),
    ):
        with pytest.raises(UserError, match=why):
            run(table, *given, "--out", str(tmp_path / "run"))
        assert not (tmp_path / "run").exists()
