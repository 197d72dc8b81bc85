"""Checkpoints: the newest k in a folder, each whole, and the way back from them. Rank 0 writes and reads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distnn.errors import UserError
from distnn.storage import files

PATTERN = "checkpoint-*.safetensors"


class Found(NamedTuple):
    """A checkpoint that could be read, and what was wrong with newer ones that could not, a sentence each."""

    path: Path
    tensors: dict[str, np.ndarray]
    metadata: dict[str, Any]
    damaged: list[str]


class Checkpoints:
    """The checkpoints in one folder, `checkpoint-<t>.safetensors`; the last `keep` ≥ 2 of them stay."""

    def __init__(self, folder: Path, keep: int = 3):
        self.folder, self.keep = folder, max(2, keep)

    def paths(self) -> list[Path]:
        """All checkpoints, the newest first."""
        found = [path for path in self.folder.glob(PATTERN) if path.stem.split("-")[1].isdecimal()]
        return sorted(found, key=lambda path: int(path.stem.split("-")[1]), reverse=True)

    def write(self, t: int, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> Path:
        """Write the checkpoint of iteration t, then remove those that are too old. OSError if it fails.

        Nothing older is touched before the new one is whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"checkpoint-{t:010d}.safetensors"
        files.write(path, tensors, metadata)
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
                return Found(path, *files.read(path), damaged)
            except UserError as error:
                damaged.append(str(error))
        if damaged:
            raise UserError(f"No checkpoint in {self.folder} can be read. {' '.join(damaged)}")
        raise UserError(
            f"There is no checkpoint in {self.folder}: there is nothing to resume. Train without --resume first."
        )

    def clear(self) -> None:
        """Remove all checkpoints: a new run begins in this folder."""
        for path in self.paths():
            path.unlink()
