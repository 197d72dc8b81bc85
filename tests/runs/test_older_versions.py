"""Checkpoints of older versions are gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from distnn.inference.stored import load_model
from distnn.parallel import environment
from distnn.parallel.ranks import OneRank
from distnn.runs.directory import RunDirectory
from distnn.storage import checkpoint, files
from distnn.storage.checkpoint import Found
from distnn.train import main as train_main

VERSION_1 = Path(__file__).with_name("version_1")  # checkpoints of version 1, after 5 iterations of FIXTURE
FIXTURE = ("--examples", "40", "--hidden", "2", "--validation", "0.2", "--window", "3", "--quiet")
OPTIMIZERS = sorted(path.stem for path in VERSION_1.iterdir())
OTHER_STEPS = "levenberg-marquardt"  # now takes other steps than those that led to its checkpoint


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
    if name == OTHER_STEPS:
        assert was[0]["progress.state.E"] < found.progress["state.E"]
        return
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
