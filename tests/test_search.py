"""The search for options: all combinations, some at random, or those that a sampler of Optuna chooses."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn import search, train
from distnn.errors import BAD_USE, DONE, FAILED, STOPPED, RankError, UserError
from distnn.parallel.ranks import OneRank
from distnn.runs.directory import RunDirectory
from distnn.runs.farm.schedule import Root
from distnn.runs.farm.study import Study, due

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


def test_the_size_of_groups_can_be_given(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed is a line for each trial, and no mean over options that differ."""
    given = ("--grid", "hidden=2,3", "--group-size")
    assert run(table, *GIVEN[:-1], *given, "1", "--out", str(tmp_path / "run")) == DONE
    words = [line.split()[0] for line in capsys.readouterr().out.split("All trials.")[1].splitlines() if line.split()]
    assert words[2:] == ["trial", "trial"]
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


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_what_optuna_cannot_do_is_a_sentence(table: str, tmp_path: Path) -> None:
    """Its journal may be broken, lost, or of a version that told it no numbers; a sampler may refuse the space."""
    space = (table, *GIVEN, "--trials", "1", "--space", "weight-decay=1e-4..1", "--out")
    assert run(*space, str(tmp_path / "out"), "--sampler", "TPESampler") == DONE
    journal = tmp_path / "out/search.journal"
    lines = journal.read_text().splitlines(keepends=True)
    for text, why in (
        ("no JSON\n", r"search\.journal cannot be read: Expecting value.* Begin a new search"),
        ("", r"search\.journal knows no trial of .*trial-000: it is lost"),
        ("".join(line for line in lines if '"number"' not in line), "or of an older version"),
    ):
        journal.write_text(text)
        with pytest.raises(UserError, match=why):
            run("--resume", "--out", str(tmp_path / "out"), "--quiet")
    with pytest.raises(RankError, match=r"--sampler BruteForceSampler chooses no trial 0: .*another sampler"):
        run(*space, str(tmp_path / "other"), "--sampler", "BruteForceSampler")


def test_a_package_that_a_sampler_lacks_is_named(table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    space = ("--trials", "2", "--space", "weight-decay=1e-4..1", "sigma=0.1..1", "--sampler", "CmaEsSampler")
    with pytest.raises(RankError, match="chooses no trial 1: it needs the package cmaes: pip install cmaes"):
        run(table, *GIVEN, *space, "--out", str(tmp_path))


def test_evidence_is_compared_where_there_is_one(table: str, tmp_path: Path) -> None:
    given = (table, "--optimizer", "bayesian", "--max-iterations", "6", "--quiet", "--grid", "hidden=1,2")
    assert run(*given, "--out", str(tmp_path)) == DONE
    evidence = [float(row["evidence"]) for row in rows(tmp_path)]
    best = int(np.argmax(evidence))
    assert (tmp_path / "model.safetensors").read_bytes() == (
        tmp_path / f"trial-00{best}/model.safetensors"
    ).read_bytes()


PRUNING = (
    "--validation",
    "0.2",
    "--max-iterations",
    "12",
    "--hidden",
    "4",
    "--quiet",
    "--optimizer",
    "levenberg-marquardt",
)
DECAYS = ("--grid", "weight-decay=0,1e-6,1e-5,1e-4,1e-3,10,0.01,20")  # the median begins to prune after five


@pytest.fixture(scope="module")
def whole(table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert run(table, *PRUNING, *DECAYS, "--out", str(out)) == DONE
    return out


@pytest.fixture(scope="module")
def pruned(table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pruned") / "run"
    assert run(table, *PRUNING, *DECAYS, "--pruner", "median", "--out", str(out)) == DONE
    return out


def ended(out: Path) -> dict[int, str]:
    return {k: member["text"] for k, member in enumerate(json.loads((out / "farm.json").read_text())["members"])}


def model(out: Path, number: int) -> bytes:
    return (out / f"trial-00{number}/model.safetensors").read_bytes()


def test_reports_are_due_at_iterations_that_are_further_and_further_apart() -> None:
    assert [t for t in range(70) if due(t)] == [4, 6, 8, 12, 16, 24, 32, 48, 64]


def test_trials_that_do_worse_are_pruned_and_the_others_are_what_they_are_without(whole: Path, pruned: Path) -> None:
    found = ended(pruned)
    stopped = {k for k, text in found.items() if text.startswith("pruned")}
    assert {5, 7} <= stopped
    assert found[5] == "pruned at t = 5" and rows(pruned)[5]["pruned"] == "5" and rows(pruned)[0]["pruned"] == ""
    assert "pruned" not in rows(whole)[0] and not {0, 1, 2, 3, 4} & stopped
    for k in {*range(8)} - stopped:
        assert model(pruned, k) == model(whole, k)
    assert (pruned / "best.toml").read_bytes() == (whole / "best.toml").read_bytes()


def test_a_pruned_trial_can_be_trained_to_its_end(whole: Path, pruned: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(pruned / "trial-006", tmp_path / "trial-006"))
    assert ended(pruned)[6].startswith("pruned") and model(pruned, 6) != model(whole, 6)
    assert train.main(OneRank(), ["--resume", "--out", str(alone), "--quiet"]) == DONE
    assert model(tmp_path, 6) == model(whole, 6)


def test_pruned_trials_stay_so_at_resume_and_what_was_stopped_goes_on(
    table: str, pruned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, ask, asked = tmp_path / "out", Root.next, list[Any]()

    def signalled(self: Root, done: Any) -> Any:
        asked.append(done)
        if len(asked) == 7:
            self.stop(15)  # when trial 5 is over
        return ask(self, done)

    monkeypatch.setattr(Root, "next", signalled)
    assert run(table, *PRUNING, *DECAYS, "--pruner", "median", "--out", str(out)) == STOPPED
    monkeypatch.undo()
    assert not (out / "trial-006").exists()
    before = model(out, 5)
    assert run("--resume", "--out", str(out), "--quiet") == DONE
    assert ended(out) == ended(pruned) and model(out, 5) == before
    assert [model(out, k) for k in range(8)] == [model(pruned, k) for k in range(8)]
    assert run("--resume", "--out", str(out), "--quiet", "--max-iterations", "14") == DONE
    assert ended(out)[5] == "pruned at t = 5" and rows(out)[0]["t"] == "14"


@pytest.mark.parametrize("more", [("--pruner", "median"), ("--pruner", "hyperband", "--sampler", "TPESampler")])
def test_trials_that_came_to_their_end_in_groups_are_what_they_are_alone(
    more: tuple[str, ...], table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)  # signals are for main threads
    out = tmp_path / "out"
    given = [table, *PRUNING, "--space", "weight-decay=1e-6..100", "--trials", "7", *more, "--group-size", "1"]
    assert on_ranks(2, lambda ranks: search.main(ranks, [*given, "--out", str(out)])) == [DONE, DONE]
    for k, text in ended(out).items():
        if not text.startswith("pruned"):
            own = (
                "--config",
                str(out / f"trial-00{k}/options.toml"),
                "--quiet",
                "--out",
                str(tmp_path / f"trial-00{k}"),
            )
            assert train.main(OneRank(), [table, *own]) == DONE
            assert model(out, k) == model(tmp_path, k)


def test_a_sampler_chooses_when_it_knows_what_all_trials_came_to_but_those_of_other_groups(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)
    begin, tell, finish, told, known = Study.begin, Study.tell, RunDirectory.finish, list[int](), dict[int, int]()

    def chosen(self: Study, number: int, choose: Any = None) -> Any:
        known.setdefault(number, len(told))
        return begin(self, number, choose)

    def heard(self: Study, number: int, result: Any) -> None:
        told.append(number)
        tell(self, number, result)

    def slow(self: RunDirectory, result: Any) -> None:
        time.sleep(0.02)
        finish(self, result)

    monkeypatch.setattr(Study, "begin", chosen)
    monkeypatch.setattr(Study, "tell", heard)
    monkeypatch.setattr(RunDirectory, "finish", slow)
    given = [table, *GIVEN, "--space", "weight-decay=1e-4..1", "--trials", "8", "--sampler", "TPESampler"]
    given += ["--group-size", "1", "--out", str(tmp_path)]
    assert on_ranks(2, lambda ranks: search.main(ranks, given)) == [DONE, DONE]
    assert all(count >= number - 1 for number, count in known.items()) and len(known) == 8


def test_without_optuna_it_is_said_what_to_install(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"--pruner median needs the package optuna.*pip install 'distnn\[search\]'"):
        run(table, *PRUNING, *DECAYS, "--pruner", "median")


def test_of_trials_that_are_all_pruned_none_is_called_the_best(
    table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Study, "report", lambda *_: True)
    given = [word for word in PRUNING if word != "--quiet"]
    assert run(table, *given, "--grid", "weight-decay=0,1", "--pruner", "median", "--out", str(tmp_path)) == FAILED
    printed = capsys.readouterr()
    assert "no trial came to its end" in printed.out + printed.err
    assert not (tmp_path / "best.toml").exists()


@pytest.mark.parametrize("size", [1, 2])
def test_a_trial_that_cannot_be_trained_ends_no_search(
    size: int, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But of trial 0, which is most likely one of many, it does."""
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)
    given = ("--validation", "0.2", "--max-iterations", "6", "--optimizer", "levenberg-marquardt", "--pruner", "median")
    out, why = tmp_path / "run", "levenberg-marquardt would need about"
    begun = [table, *given, "--grid", "hidden=2,9999,3", "--group-size", "1", "--out", str(out)]
    for command in (begun, ["--resume", "--out", str(out)]):
        assert on_ranks(size, lambda ranks, given=command: search.main(ranks, given)) == [DONE] * size
        told = json.loads((out / "farm.json").read_text())["members"]
        assert [trial["code"] for trial in told] == [DONE, BAD_USE, DONE]
        assert told[1]["text"].startswith(why)
        assert f"trial 1 (hidden 9999): {why}" in capsys.readouterr().out
        assert rows(out)[1]["E_val"] == "" and (out / "model.safetensors").exists()
    with pytest.raises(UserError, match=why):
        run(table, *given, "--grid", "hidden=9999,2", "--out", str(tmp_path / "other"))


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
        (("--validation", "0.2", "--space", "hidden=2x0,2"), "every layer needs a width"),
        (("--validation", "0.2", "--grid", "hidden=2", "--pruner", "x"), "--pruner x: choose median, hyperband, or of"),
        (("--validation", "0.2", "--grid", "hidden=2", "--pruner", "PercentilePruner"), "needs settings"),
        (("--validation", "0.2", "--grid", "hidden=2", "--pruner", "ThresholdPruner"), "needs settings"),
        (("--validation", "0.2", "--grid", "optimizer=adam,lbfgs", "--pruner", "median"), "search in one"),
    ):
        with pytest.raises(UserError, match=why):
            run(table, *given, "--out", str(tmp_path / "run"))
        assert not (tmp_path / "run").exists()
