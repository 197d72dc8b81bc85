"""When a checkpoint is due, what it holds, and that those of older versions are gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression

from distnn import UserError
from distnn.inference.model import load_model
from distnn.parallel import environment
from distnn.parallel.ranks import OneRank
from distnn.runs.checkpointing import Checkpointing, restore
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import stored
from distnn.runs.reports import Report
from distnn.storage import checkpoint, files
from distnn.storage.checkpoint import Found
from distnn.train import main as train_main
from distnn.training.record import Record

X, Y = regression(30)
VERSION_1 = Path(__file__).with_name("version_1")  # checkpoints of version 1, after 5 iterations of FIXTURE
FIXTURE = ("--examples", "40", "--hidden", "2", "--validation", "0.2", "--window", "3", "--quiet")
OPTIMIZERS = sorted(path.stem for path in VERSION_1.iterdir())


def checkpointing(folder: Path, **options: object) -> Checkpointing:
    assembly = assembled(OneRank(), X, Y, **options)
    record = environment.record(assembly.examples.cut.rows)
    return Checkpointing(assembly, RunDirectory(folder), Description(stored(assembly.options), record), Report())


def test_when_one_is_due(tmp_path: Path) -> None:
    def due(t: int, seconds: float, **options: object) -> bool:
        return checkpointing(tmp_path, **options).due(Record(t, 0.5, seconds=seconds))

    assert due(0, 0)
    assert not due(0, 0, resume=True)
    assert due(3, 300)
    assert not due(3, 299)
    assert due(3, 2, checkpoint_seconds=1)
    assert not due(3, 2000, checkpoint_seconds=0)
    assert [t for t in range(1, 10) if due(t, 0, checkpoint_every=3)] == [3, 6, 9]


def test_a_checkpoint_is_a_model_file_with_the_best_weights_and_more(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, validation=0.4, eta=0.5, max_iterations=40, hidden=(20,), window=3)
    progress = writer.assembly.begin()
    for _ in writer.assembly.iterations(progress):
        pass
    assert 0 < progress.best_t < 40  # so that the best weights are neither the first nor the last
    assert writer.write(progress) is None
    (path,) = writer.directory.checkpoints.paths()
    np.testing.assert_array_equal(load_model(path).network.w, progress.best_w)
    tensors, _ = files.read(path)
    same = [name for name, value in tensors.items() if np.array_equal(value, progress.best_w)]
    assert same == ["w"]
    back = writer.resume(OneRank())
    np.testing.assert_array_equal(back.state.w, progress.state.w)
    np.testing.assert_array_equal(back.best_w, progress.best_w)
    assert back.record == progress.record


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    writer = checkpointing(tmp_path, max_iterations=2)
    progress = writer.assembly.begin()
    for _ in writer.assembly.iterations(progress):
        pass
    writer.write(progress)
    found = writer.directory.checkpoints.newest()
    size, fingerprint = len(progress.state.w), found.metadata["fingerprint"]
    with pytest.raises(UserError, match=r"The data is not what .* was trained on"):
        restore(found, "30-0", size, 3)
    with pytest.raises(UserError, match=f"is of a network with {size} weights; this one has 5"):
        restore(found, fingerprint, 5, 3)
    for broken in ({"progress": {}}, {"progress": None}):
        with pytest.raises(UserError, match="does not hold the state of a training"):
            restore(found._replace(metadata={**found.metadata, **broken}), fingerprint, size, 3)


def test_one_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    writer = checkpointing(tmp_path)
    monkeypatch.setattr(writer.report, "warn", warnings.append)
    progress = writer.assembly.begin()
    next(writer.assembly.iterations(progress))

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    wrong = writer.write(progress)
    assert wrong == "the checkpoint of t = 0 cannot be written: No space left on device."
    assert warnings[-1] == f"{wrong} Older checkpoints are untouched."


def run_from(found: Found, out: Path) -> RunDirectory:
    """A run's directory as the checkpoint's program left it, if it held nothing else."""
    directory = RunDirectory(out)
    directory.checkpoints.folder.mkdir(parents=True)
    shutil.copyfile(found.path, directory.checkpoints.folder / "checkpoint-0000000005.safetensors")
    directory.options.write_text(found.metadata["options"])
    return directory


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_checkpoint_of_version_1_is_gone_on_with(name: str, tmp_path: Path) -> None:
    """To the bits of a run that was never interrupted, where the environment is that of the stored file."""
    found = checkpoint.read(VERSION_1 / f"{name}.safetensors")
    old = run_from(found, tmp_path / "old")
    assert train_main(OneRank(), ["--resume", "--out", str(old.path), "--max-iterations", "9", "--quiet"]) == 0
    whole = RunDirectory(tmp_path / "whole")
    options = [*FIXTURE, "--optimizer", name, "--max-iterations", "9"]
    assert train_main(OneRank(), [*options, "--out", str(whole.path)]) == 0

    was, now = (files.read(directory.checkpoints.paths()[0]) for directory in (old, whole))
    same = environment.compare_times(found.metadata["environment"], now[1]["environment"]) is None
    assert was[0].keys() == now[0].keys()
    for tensor, value in now[0].items():
        if same:
            np.testing.assert_array_equal(was[0][tensor], value)
        elif value.dtype == np.float64:
            np.testing.assert_allclose(was[0][tensor], value, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_checkpoint_goes_on_to_the_same_bits_whatever_its_version(name: str, tmp_path: Path) -> None:
    """The same state, in the layout of version 1 and in today's."""
    old = run_from(checkpoint.read(VERSION_1 / f"{name}.safetensors"), tmp_path / "old")
    new = RunDirectory(tmp_path / "new")
    shutil.copytree(old.path, new.path)
    found = new.checkpoints.newest()
    progress = {key: value for key, value in found.progress.items() if key.startswith("state.") or key == "window"}
    new.checkpoints.write(5, {k: v for k, v in found.model.items() if k not in progress}, progress, found.metadata)
    for directory in (old, new):
        out = str(directory.path)
        assert train_main(OneRank(), ["--resume", "--out", out, "--max-iterations", "9", "--quiet"]) == 0
    one, other = (files.read(directory.checkpoints.paths()[0])[0] for directory in (old, new))
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key])
    assert old.model.read_bytes() == new.model.read_bytes()


def test_a_checkpoint_of_version_1_is_a_model() -> None:
    for name in OPTIMIZERS:
        assert load_model(VERSION_1 / f"{name}.safetensors").network.d == (2, 2, 1)
