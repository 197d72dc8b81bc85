"""Several trainings as one job: what a member comes to is what a run of it alone comes to."""

from __future__ import annotations

import csv
import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import mpirun
from threaded_ranks import on_ranks

from distnn import evaluate
from distnn.errors import DONE, STOPPED, UserError
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.runs.farm.schedule import TRAIN, Root
from distnn.train import main

FOLDS = ("--folds", "3")
SMALL = ("--hidden", "3", "--max-iterations", "8")


def run(*arguments: str) -> int:
    return main(OneRank(), list(arguments))


@pytest.fixture(scope="module")
def farm(table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("farm") / "cv"
    assert run("--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(out)) == DONE
    return out


def files(out: Path, name: str = "model.safetensors") -> list[bytes]:
    return [(out / f"fold-00{k}" / name).read_bytes() for k in range(3)]


def test_a_member_is_what_a_run_of_it_alone_is(farm: Path, table: str, tmp_path: Path) -> None:
    for k in range(3):
        alone = tmp_path / f"{k}"
        given = ("--data", table, *FOLDS, "--only", str(k), *SMALL, "--folds-by", "site", "--out", str(alone))
        assert run(*given, "--quiet") == DONE
        assert (alone / "model.safetensors").read_bytes() == files(farm)[k]
        assert (alone / "options.toml").read_bytes() == files(farm, "options.toml")[k]
    assert len(set(files(farm))) == 3


@pytest.mark.parametrize(
    ("ranks", "size", "said"),
    [
        (4, 2, "2 groups of 2 ranks"),
        (5, 2, "2 groups of 2 to 3 ranks"),
        (3, 2, "1 group of 3 ranks"),
        (5, 1, "3 groups of 1 to 2 ranks"),
    ],
)
def test_groups_of_several_ranks_find_the_same(
    ranks: int,
    size: int,
    said: str,
    farm: Path,
    table: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)  # signals are for main threads
    given = ["--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(tmp_path), "--group-size", str(size)]
    assert on_ranks(ranks, lambda ranks: main(ranks, given)) == [DONE] * ranks
    assert f"3 folds, on {said}" in capsys.readouterr().out
    assert files(tmp_path) == files(farm)
    assert (tmp_path / "out-of-fold.csv").read_bytes() == (farm / "out-of-fold.csv").read_bytes()


@pytest.mark.job
def test_groups_side_by_side_find_the_same(farm: Path, table: str, tmp_path: Path) -> None:
    out = tmp_path / "cv"
    given = ("--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(out), "--group-size", "2")
    done = mpirun(4, "-m", "distnn.train", *given)
    assert done.returncode == 0, done.stderr
    assert "2 groups of 2 ranks" in done.stdout
    assert files(out) == files(farm)
    assert (out / "out-of-fold.csv").read_bytes() == (farm / "out-of-fold.csv").read_bytes()
    shutil.rmtree(out / "fold-001")
    assert run("--resume", "--out", str(out)) == DONE  # with fewer ranks than a group had
    assert files(out) == files(farm)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_predictions_are_of_models_that_have_not_seen_the_row(farm: Path, table: str) -> None:
    found, true = rows(farm / "out-of-fold.csv"), rows(Path(table))
    assert [int(row["row"]) for row in found] == list(range(120))
    assert [row["true y"] for row in found] == [row["y"] for row in true]
    folds: dict[str, set[str]] = {}
    for row, of in zip(found, true, strict=True):
        folds.setdefault(of["site"], set()).add(row["fold"])
    assert all(len(own) == 1 for own in folds.values())
    y, predicted, fold = (np.array([float(row[name]) for row in found]) for name in ("true y", "y", "fold"))
    members = rows(farm / "members.csv")
    for k in range(3):
        rmse = np.sqrt(np.mean((y - predicted)[fold == k] ** 2))
        assert float(members[k]["rmse"]) == pytest.approx(rmse, rel=1e-12)
        metadata = json.loads((farm / f"fold-00{k}" / "result.json").read_text())
        assert float(members[k]["E_test"]) == metadata["E_test"]


def test_the_table_has_mean_and_deviation_over_all_folds(farm: Path) -> None:
    told = json.loads((farm / "farm.json").read_text())
    R2 = [float(row["R2"]) for row in rows(farm / "members.csv")]
    assert told["mean"]["R2"] == pytest.approx(np.mean(R2))
    assert told["deviation"]["R2"] == pytest.approx(np.std(R2, ddof=1))
    assert [member["folder"] for member in told["members"]] == ["fold-000", "fold-001", "fold-002"]


def test_the_log_has_a_line_for_each_member(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", table, *FOLDS, *SMALL, "--out", str(tmp_path / "cv")) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("fold ") and "of 3 done)" in line for line in lines) == 3
    assert sum("E_test" in line for line in lines) == 4  # and the table's head


def test_a_farm_that_was_stopped_goes_on_where_it_was(
    farm: Path, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signal comes in the second fold; the first is not trained again."""
    out, look, looks = tmp_path / "cv", Root.look, []

    def signalled(self: Root) -> int:
        looks.append(None)
        return 15 if len(looks) == 12 else look(self)

    monkeypatch.setattr(Root, "look", signalled)
    assert run("--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(out)) == STOPPED
    assert not (out / "fold-002").exists() and not (out / "farm.json").exists()
    monkeypatch.undo()
    before = (out / "fold-000" / "result.json").stat().st_mtime_ns
    assert run("--resume", "--out", str(out)) == DONE
    assert "3 folds, 1 of which are finished" in capsys.readouterr().out
    assert (out / "fold-000" / "result.json").stat().st_mtime_ns == before
    assert files(out) == files(farm)
    assert (out / "out-of-fold.csv").read_bytes() == (farm / "out-of-fold.csv").read_bytes()


def test_a_member_that_was_dealt_and_not_begun_is_trained_when_the_farm_goes_on(
    farm: Path, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All are stopped when the other group has asked for the last fold, and writes the files of its first one."""
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)
    give, given = Root._give, []

    def stopping(self: Root, rank: int) -> None:
        given.append(rank)
        if len(given) == 2:
            task = self._task()
            self.stop(15)  # it is heard before the fold is, which the group would else have time to begin
            self.ranks.post((TRAIN, task), rank)
        else:
            give(self, rank)

    monkeypatch.setattr(Root, "_give", stopping)
    words = ["--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(tmp_path), "--group-size", "1"]
    assert on_ranks(2, lambda ranks: main(ranks, words)) == [STOPPED] * 2
    assert given[:2] == [1, 1] and not (tmp_path / "fold-002").exists()
    monkeypatch.undo()
    monkeypatch.setattr("distnn.runs.farm.farm.caught", nullcontext)
    assert "fold 1: " in capsys.readouterr().out
    assert on_ranks(2, lambda ranks: main(ranks, ["--resume", "--out", str(tmp_path)])) == [DONE] * 2
    assert files(tmp_path) == files(farm)


@pytest.mark.parametrize("kind", ["--folds", "--members", "--restarts"])
def test_a_farm_does_not_go_on_with_another_table(kind: str, table: str, tmp_path: Path) -> None:
    """Members of two tables would be compared, or become one model."""
    data, out = tmp_path / "table.csv", tmp_path / "farm"
    lines = Path(table).read_text().splitlines()
    lines[5] = ",,s1,3.5"  # left out
    data.write_text("\n".join(lines))
    options = ("--data", str(data), kind, "3", *SMALL, "--ignore", "site", "--impute", "drop", "--quiet")
    assert run(*options, "--out", str(out)) == DONE
    whole = {path: path.read_bytes() for path in out.glob("*/model.safetensors")}
    last = max(whole).parent
    shutil.rmtree(last)
    data.write_text("\n".join([*lines[:-1], "1,2,s3,4"]))
    with pytest.raises(UserError, match=r"table\.csv is not the table that .*-000 was trained on, or has changed"):
        run("--resume", "--out", str(out))
    assert not last.exists()
    data.write_text("\n".join(lines))
    assert run("--resume", "--out", str(out), "--quiet") == DONE
    assert {path: path.read_bytes() for path in out.glob("*/model.safetensors")} == whole
    for path in whole:
        model = load_model(str(path))
        del model.held_out["of"]  # as older versions wrote it
        model.write(path)
    shutil.rmtree(last)
    assert run("--resume", "--out", str(out), "--quiet") == DONE
    assert (last / "model.safetensors").read_bytes() == whole[last / "model.safetensors"]


def test_a_farm_ends_with_its_own_time(
    farm: Path, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is over at once here; it may be given anew."""
    out = tmp_path / "cv"
    given = ("--data", table, *FOLDS, *SMALL, "--folds-by", "site", "--out", str(out))
    assert run(*given, "--total-seconds", "0") == STOPPED
    assert "stopped with 0 of 3 done: go on with --resume" in capsys.readouterr().out
    assert run("--resume", "--out", str(out), "--total-seconds", "3600") == DONE
    assert files(out) == files(farm)
    assert files(out, "options.toml") == files(farm, "options.toml")


def test_a_farm_that_goes_on_is_not_finished(farm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was, before one of its folds was lost; and is stopped now."""
    shutil.copytree(farm, tmp_path / "cv")
    shutil.rmtree(tmp_path / "cv" / "fold-002")
    monkeypatch.setattr(Root, "look", lambda self: 15)
    assert run("--resume", "--out", str(tmp_path / "cv")) == STOPPED
    assert not (tmp_path / "cv" / "farm.json").exists()


def test_a_farm_that_is_finished_goes_on_where_it_may_train_longer(farm: Path, tmp_path: Path) -> None:
    out = tmp_path / "cv"
    shutil.copytree(farm, out)
    assert run("--resume", "--out", str(out), "--max-iterations", "10") == DONE
    assert [int(row["t"]) for row in rows(out / "members.csv")] == [10, 10, 10]
    before = [(out / f"fold-00{k}" / "result.json").stat().st_mtime_ns for k in range(3)]
    assert run("--resume", "--out", str(out)) == DONE
    assert before == [(out / f"fold-00{k}" / "result.json").stat().st_mtime_ns for k in range(3)]


def test_a_cross_validation_has_no_model_of_its_own(farm: Path) -> None:
    with pytest.raises(UserError, match=r"which has a model for each fold: give .*fold-000"):
        load_model(farm)


def test_a_member_can_be_evaluated_on_its_fold(farm: Path, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(farm / "fold-001"), "--data", table, "--json"]
    assert evaluate.main(OneRank(), [*arguments, "--rows", "test"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    found = json.loads((farm / "farm.json").read_text())["members"][1]
    assert (told["E"], told["targets"]["y"]["R2"]) == (found["E_test"], found["R2"])
    assert evaluate.main(OneRank(), [*arguments, "--rows", "trained"]) == 0
    assert json.loads(capsys.readouterr().out)["E"] == pytest.approx(found["E_in"], rel=1e-12)


def test_gaps_are_filled_in_by_the_rows_that_are_trained_on(tmp_path: Path) -> None:
    """Each fold has its own mean: without its rows."""
    out, path = tmp_path / "cv", tmp_path / "gaps.csv"
    x = np.arange(30.0) ** 2
    path.write_text("x,y\n" + "".join(f"{v if i % 7 else ''},{i % 4 + i / 9}\n" for i, v in enumerate(x.tolist())))
    given = ("--data", str(path), *FOLDS, "--impute", "mean", "--hidden", "2", "--max-iterations", "2")
    assert run(*given, "--out", str(out), "--quiet") == DONE
    fold = np.array([int(row["fold"]) for row in rows(out / "out-of-fold.csv")])
    known = np.arange(30) % 7 > 0
    for k in range(3):
        fill = load_model(out / f"fold-00{k}").preparation.encodings[0].fill
        assert fill == pytest.approx(x[known & (fold != k)].mean(), rel=1e-12)


def test_what_cannot_be_is_refused(table: str, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("fold,wool\n1,2\n")
    for given, why in (
        (("--folds", "121"), "120 rows are too few for --folds 121"),
        (("--folds", "1"), "--folds 1: give a number of at least 2"),
        (("--folds", "3", "--restarts", "2"), "do not go together"),
        (("--folds", "3", "--test", "0.1"), "leave out --test"),
        (("--folds-by", "site"), "add --folds"),
        (("--folds", "3", "--folds-by", "y"), "it is a column of targets"),
        (("--folds", "3", "--folds-by", "sight"), "has no column 'sight'.* Did you mean 'site'"),
        (("--folds", "3", "--only", "3"), "--only 3 is none of 3 trainings"),
        (("--only", "3"), "add --folds, --members or --restarts"),
        (("--members", "0"), "--members 0: give a number of at least 2"),
        (("--members", "3", "--folds", "3"), "do not go together"),
        (("--bootstrap",), "add --members"),
        (("--group-size", "2"), "for several trainings"),
        (("--total-seconds", "2"), "--total-seconds 2 is for several trainings"),
        (("--folds", "3", "--group-size", "2"), "--group-size 2: there is one rank"),
        (("--folds", "3", "--out-of-fold", "x.doc"), "must end with"),
        (("--folds", "3", "--out-of-fold", table), "is the table itself"),
        (("--folds", "3", "--out-of-fold", str(own)), "is there already"),
    ):
        with pytest.raises(UserError, match=why):
            run("--data", table, *given, "--out", str(tmp_path / "cv"))
        assert not (tmp_path / "cv").exists()
