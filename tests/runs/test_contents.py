"""What is in a run's directory: distnn's own is told from what is not, and only that is removed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from distnn.parallel.ranks import OneRank
from distnn.runs import contents
from distnn.train import main

RUN = ("--examples", "60", "--hidden", "2", "--max-iterations", "2", "--quiet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    assert main(OneRank(), [*RUN, "--restarts", "2", "--track", "csv", "tensorboard", "--out", str(out)]) == 0
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    out = shutil.copytree(trained, tmp_path / "run")
    for name in ("STOP", ".options.toml.abcd_123", "restart-000/.checkpoint-1.safetensors", "claim-1.json"):
        (out / name).touch()
    (out / "restart-000/.checkpoint-1.safetensors").rename(
        out / "restart-000/checkpoints/.checkpoint-0000000001.safetensors.abcd_123"
    )
    (out / "track-mlflow.json").write_text('{"tracker": "mlflow", "memory": {}}')
    (out / "waiting").mkdir()
    (out / "waiting/rank-3").touch()
    (out / ".nfs0000000000123").touch()
    return out


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_all_that_is_distnns_own_is_known_and_removed(run: Path) -> None:
    assert contents.foreign(run) is None
    assert [own.name for own in contents.members(run)] == ["restart-000", "restart-001"]
    assert contents.left(run) is not None
    contents.clear(run)
    assert tree(run) == {"STOP", "claim-1.json", "waiting", "waiting/rank-3", ".nfs0000000000123"}
    assert contents.left(run) is None


FOREIGN = [
    "notes.txt",
    "checkpoints/notes.txt",
    "metrics.csv",
    "track-mlflow.json",
    "tensorboard/notes.txt",
    "restart-000/tensorboard/events.out.tfevents.1.host",
    "checkpoints/checkpoint-best.safetensors",
    "checkpoints/checkpoint-0000000001.safetensors",
    "restart-000/notes.txt",
    "restart-001/model.safetensors",
    "restart-001/checkpoints/mine",
    "restart-7",
    "claim-x.json",
    "waiting/notes",
    "model.safetensors",
    "options.toml",
    "environment.json",
    "metrics.jsonl",
    "result.json",
    ".bashrc",
    ".notes.txt.12345678",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_is_named_and_stays(name: str, run: Path) -> None:
    """Whatever it holds: beside a run, and beside what is left when that is removed."""
    texts = ["mine", "{}", "seed = 3\n", "7", "\0" * 100, "[" * 10_000]
    (run / name).parent.mkdir(exist_ok=True)
    for text in texts:
        (run / name).write_text(text)
        assert contents.foreign(run) == run / name
    for text in texts:
        (run / name).write_text(text)
        contents.clear(run)
        assert (run / name).read_text() == text
        assert contents.foreign(run) == run / name


@pytest.mark.parametrize(
    "name", ["model.safetensors", "metrics.jsonl", "STOP", "notes", "checkpoints/checkpoint-0000000001.safetensors"]
)
def test_folders_and_links_and_pipes(name: str, run: Path) -> None:
    (run / "checkpoints").mkdir()
    (run / name).unlink(missing_ok=True)
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        make(run / name)
        assert contents.foreign(run) == run / name
        (run / name).rmdir() if (run / name).is_dir() else (run / name).unlink()


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert contents.foreign(tmp_path / "none") is contents.left(tmp_path / "none") is None
    contents.clear(tmp_path / "none")
