"""Checkpoints: the newest k stay, damage falls back to the one before, and what cannot be resumed is said."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression

from distnn import UserError
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.runs import resume
from distnn.runs.options import Options, criterion, optimizer
from distnn.storage import files
from distnn.storage.checkpoint import Checkpoints, Found
from distnn.training.loop import Progress, begin, train


def written(folder: Path, *ts: int, keep: int = 3) -> Checkpoints:
    checkpoints = Checkpoints(folder, keep)
    for t in ts:
        checkpoints.write(t, {"w": np.full(4, float(t))}, {"t": t})
    return checkpoints


def test_the_newest_k_stay(tmp_path: Path) -> None:
    checkpoints = written(tmp_path / "new" / "folder", 1, 5, 20, 100, 99)
    assert [path.name for path in checkpoints.paths()] == [
        f"checkpoint-{t:010d}.safetensors" for t in (100, 99, 20)
    ]  # fmt: skip
    found = checkpoints.newest()
    assert (found.metadata["t"], found.tensors["w"].tolist(), found.damaged) == (100, [100.0] * 4, [])
    assert len(written(tmp_path / "few", 1, 2, 3, 4, keep=1).paths()) == 2  # one alone could not be fallen back from


def test_beyond_ten_digits_the_order_is_by_number(tmp_path: Path) -> None:
    assert written(tmp_path, 9_999_999_999, 10_000_000_000).newest().metadata["t"] == 10_000_000_000


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "checkpoint-best.safetensors", ".checkpoint-1.safetensors.x7"):
        (tmp_path / name).write_text("mine")
    checkpoints = written(tmp_path, 1, 2, 3, 4)
    assert checkpoints.newest().metadata["t"] == 4
    checkpoints.clear()
    assert len(os.listdir(tmp_path)) == 3


DAMAGE = {
    "corrupted": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
    "half written": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path: path.write_bytes(b""),
    "a newer version's": lambda path: path.write_bytes(path.read_bytes().replace(b'"distnn":"1"', b'"distnn":"9"')),
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
        Checkpoints(tmp_path / "none").newest()
    checkpoints = written(tmp_path, 1, 2)
    for path in checkpoints.paths():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"No checkpoint in .* can be read\. .*2\.safetensors is .*1\.safetensors is "):
        checkpoints.newest()


def test_a_checkpoint_that_cannot_be_written_removes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = written(tmp_path, 1, 2, 3)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(4, {"w": np.zeros(3)}, {})
    assert [path.name[-13] for path in checkpoints.paths()] == ["3", "2", "1"]
    assert len(os.listdir(tmp_path)) == 3


X, Y = regression(30)


def progress_after(t: int, name: str, progress: Progress | None = None) -> tuple[Progress, str]:
    """The progress of a training after t iterations, begun anew or gone on with, and the data's fingerprint."""
    options = Options(optimizer=name, max_iterations=t, validation=0.2, batch_size=4, window=3, seed=1)
    assembly = assembled(OneRank(), X, Y, **{k: v for k, v in vars(options).items() if k != "data"})
    if progress is None:
        progress = begin(assembly.objective, optimizer(options), assembly.model.network.w, options.window)
    for _ in train(assembly.objective, optimizer(options), criterion(options), progress):
        pass
    return progress, assembly.examples.fingerprint


def stored(folder: Path, progress: Progress, fingerprint: str) -> Found:
    path = folder / "a.safetensors"
    files.write(path, resume.tensors(progress), {"progress": resume.metadata(progress), "fingerprint": fingerprint})
    return Found(path, *files.read(path), [])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_progress_comes_back_to_the_bit(name: str, tmp_path: Path) -> None:
    five, fingerprint = progress_after(5, name)
    restored = resume.restore(stored(tmp_path, five, fingerprint), fingerprint, len(five.state.w), 3)
    assert type(restored.state) is type(five.state)
    for field, value in vars(five.state).items():
        back = getattr(restored.state, field)
        assert type(back) is type(value)
        np.testing.assert_array_equal(back, value)
    assert (restored.window, restored.window.maxlen) == (five.window, 4)
    np.testing.assert_equal(vars(restored)["best_E_val"], five.best_E_val)
    np.testing.assert_array_equal(restored.best_w, five.best_w)
    assert restored.best_t == five.best_t
    assert restored.record == five.record

    ten, _ = progress_after(10, name)
    resumed, _ = progress_after(10, name, restored)
    np.testing.assert_array_equal(resumed.state.w, ten.state.w)
    np.testing.assert_array_equal(resumed.best_w, ten.best_w)
    assert resumed.record is not None
    assert ten.record is not None
    for quantity in ("t", "E_in", "E_val", "gradient_norm", "step", "improvement", "stale", "evaluations"):
        assert getattr(resumed.record, quantity) == getattr(ten.record, quantity), quantity


def test_another_window_is_taken_from_the_option(tmp_path: Path) -> None:
    five, fingerprint = progress_after(5, "gradient-descent")
    restored = resume.restore(stored(tmp_path, five, fingerprint), fingerprint, len(five.state.w), 1)
    assert list(restored.window) == list(five.window)[-2:]


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    progress, fingerprint = progress_after(2, "gradient-descent")
    found = stored(tmp_path, progress, fingerprint)
    size = len(progress.state.w)
    with pytest.raises(UserError, match=r"The data is not what .* was trained on"):
        resume.restore(found, "30-0", size, 3)
    with pytest.raises(UserError, match=f"is of a network with {size} weights; this one has 5"):
        resume.restore(found, fingerprint, 5, 3)
    for broken in ({"progress": {}}, {"progress": {**found.metadata["progress"], "state": "X"}}, {"progress": None}):
        with pytest.raises(UserError, match="does not hold the state of a training"):
            resume.restore(found._replace(metadata={**found.metadata, **broken}), fingerprint, size, 3)
