"""Checkpoints: the newest k in a folder, each whole, and the way back from them. Rank 0 writes and reads.

A checkpoint is a model file with more in it: the tensors of the model stand in it by their names, as in a model file;
those of the training's progress have `progress.` before theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distnn.errors import UserError
from distnn.storage import files

PATTERN = "checkpoint-*.safetensors"
PROGRESS = "progress."
VERSION = 2  # of 1, a checkpoint's tensors stood side by side without a prefix


class Found(NamedTuple):
    """A checkpoint that could be read: the tensors of the model and of the progress, and the metadata.

    damaged: what was wrong with newer ones that could not be read, a sentence each.
    """

    path: Path
    model: dict[str, np.ndarray]
    progress: dict[str, np.ndarray | files.Apart]
    metadata: dict[str, Any]
    damaged: list[str]


def read(path: Path, damaged: list[str] | None = None) -> Found:
    """The checkpoint at `path`. UserError as for `files.read`."""
    tensors, metadata = files.read(path, apart=PROGRESS)
    progress = {name.removeprefix(PROGRESS): value for name, value in tensors.items() if name.startswith(PROGRESS)}
    model = {name: value for name, value in tensors.items() if not name.startswith(PROGRESS)}
    return Found(path, model, progress or model, metadata, damaged or [])  # of version 1: both are all there is


def iteration(path: Path) -> int:
    """The iteration of the checkpoint at `path`, by its name."""
    return int(path.stem.partition("-")[2])


class Checkpoints:
    """The checkpoints in one folder, `checkpoint-<t>.safetensors`; the last `keep` ≥ 2 of them stay."""

    def __init__(self, folder: Path, keep: int):
        self.folder, self.keep = folder, max(2, keep)

    def paths(self) -> list[Path]:
        """All checkpoints, the newest first."""
        found = [path for path in self.folder.glob(PATTERN) if path.stem.partition("-")[2].isdecimal()]
        return sorted(found, key=iteration, reverse=True)

    def write(
        self,
        t: int,
        model: Mapping[str, np.ndarray],
        progress: Mapping[str, np.ndarray | files.Apart],
        metadata: Mapping[str, Any],
    ) -> Path:
        """Write the checkpoint of iteration t, then remove those that are too old. OSError if it fails.

        Nothing older is touched before the new one is whole. ValueError if a tensor of the model has a name that is
        the progress': neither ever takes the other's place.
        """
        if taken := [name for name in model if name.startswith(PROGRESS)]:
            raise ValueError(f"The model's tensor {taken[0]} has a name of the progress'.")
        tensors = {**model, **{PROGRESS + name: value for name, value in progress.items()}}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"checkpoint-{t:010d}.safetensors"
        files.write(path, tensors, metadata, VERSION)
        others = [old for old in self.paths() if old != path]  # damaged ones may have a higher t
        for old in others[self.keep - 1 :]:
            with suppress(OSError):
                old.unlink()
        return path

    def newest(self) -> Found:
        """The newest checkpoint that can be read. UserError if there is none."""
        damaged: list[str] = []
        for path in self.paths():
            try:
                return read(path, damaged)
            except UserError as error:
                damaged.append(str(error))
        if damaged:
            raise UserError(f"No checkpoint in {self.folder} can be read. {' '.join(damaged)}")
        raise UserError(
            f"There is no checkpoint in {self.folder}: there is nothing to resume. Train without --resume first."
        )
