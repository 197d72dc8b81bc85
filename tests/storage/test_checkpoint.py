"""Checkpoints: the newest k stay, damage falls back to the one before, and no tensor takes another's place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from distnn import UserError
from distnn.storage import checkpoint, files
from distnn.storage.checkpoint import Checkpoints


def written(folder: Path, *ts: int, keep: int = 3) -> Checkpoints:
    checkpoints = Checkpoints(folder, keep)
    for t in ts:
        checkpoints.write(t, {"w": np.full(4, float(t))}, {}, {"t": t})
    return checkpoints


def test_the_newest_k_stay(tmp_path: Path) -> None:
    checkpoints = written(tmp_path / "new" / "folder", 1, 5, 20, 100, 99)
    assert [path.name for path in checkpoints.paths()] == [
        f"checkpoint-{t:010d}.safetensors" for t in (100, 99, 20)
    ]  # fmt: skip
    found = checkpoints.newest()
    assert (found.metadata["t"], found.model["w"].tolist(), found.damaged) == (100, [100.0] * 4, [])
    assert len(written(tmp_path / "few", 1, 2, 3, 4, keep=1).paths()) == 2  # one alone could not be fallen back from


def test_beyond_ten_digits_the_order_is_by_number(tmp_path: Path) -> None:
    assert written(tmp_path, 9_999_999_999, 10_000_000_000).newest().metadata["t"] == 10_000_000_000


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "checkpoint-best.safetensors", ".checkpoint-1.safetensors.x7"):
        (tmp_path / name).write_text("mine")
    checkpoints = written(tmp_path, 1, 2, 3, 4)
    assert checkpoints.newest().metadata["t"] == 4
    assert len(os.listdir(tmp_path)) == 3 + checkpoints.keep


DAMAGE = {
    "corrupted": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
    "half written": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path: path.write_bytes(b""),
    "a newer version's": lambda path: path.write_bytes(path.read_bytes().replace(b'"distnn":"2"', b'"distnn":"9"')),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_newest_falls_back_to_the_one_before(damage: str, tmp_path: Path) -> None:
    checkpoints = written(tmp_path, 1, 2, 3)
    newest, before, _ = checkpoints.paths()
    DAMAGE[damage](newest)
    found = checkpoints.newest()
    assert (found.path, found.metadata["t"]) == (before, 2)
    assert len(found.damaged) == 1
    assert str(newest) in found.damaged[0]
    DAMAGE[damage](before)
    found = checkpoints.newest()
    assert (found.metadata["t"], len(found.damaged)) == (1, 2)


def test_a_deleted_newest(tmp_path: Path) -> None:
    checkpoints = written(tmp_path, 1, 2, 3)
    checkpoints.paths()[0].unlink()
    assert checkpoints.newest().metadata["t"] == 2


def test_none_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no checkpoint in .*Train without --resume first"):
        Checkpoints(tmp_path / "none", 3).newest()
    checkpoints = written(tmp_path, 1, 2)
    for path in checkpoints.paths():
        path.write_bytes(b"")
    each = r"\S*2\.safetensors is damaged, or .* distnn\. \S*1\.safetensors is damaged"
    with pytest.raises(UserError, match=rf"No checkpoint in .* can be read\. {each}"):
        checkpoints.newest()


def test_one_that_cannot_be_removed_stays(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-0000000000.safetensors").mkdir()
    assert len(written(tmp_path, 1, 2, 3, 4).paths()) == 4


def test_a_checkpoint_that_cannot_be_written_removes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = written(tmp_path, 1, 2, 3)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(4, {"w": np.zeros(3)}, {}, {})
    assert [path.name[-13] for path in checkpoints.paths()] == ["3", "2", "1"]
    assert len(os.listdir(tmp_path)) == 3


def test_the_models_and_the_progress_tensors_are_kept_apart(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 3)
    path = checkpoints.write(1, {"w": np.ones(2), "window": np.ones(3)}, {"w": np.zeros(4), "window": np.zeros(5)}, {})
    assert sorted(files.read(path)[0]) == ["progress.w", "progress.window", "w", "window"]
    found = checkpoints.newest()
    assert {name: value.tolist() for name, value in found.model.items()} == {"w": [1] * 2, "window": [1] * 3}
    assert {name: value.tolist() for name, value in found.progress.items()} == {"w": [0] * 4, "window": [0] * 5}
    with pytest.raises(ValueError, match=r"The model's tensor progress\.w has a name of the progress'"):
        checkpoints.write(2, {"progress.w": np.ones(2)}, {"w": np.zeros(4)}, {})
    assert checkpoints.paths() == [path]


def test_an_older_program_refuses_a_checkpoint_as_newer_but_reads_a_model(tmp_path: Path) -> None:
    path = Checkpoints(tmp_path, 3).write(1, {"w": np.ones(2)}, {}, {})
    assert b'"distnn":"2"' in path.read_bytes()
    files.write(path, {"w": np.ones(2)}, {})
    assert b'"distnn":"1"' in path.read_bytes()
    assert checkpoint.VERSION == files.FORMAT  # the highest that is written is the highest that is read
