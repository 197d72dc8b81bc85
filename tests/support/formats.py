"""A table in a file of each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_table(path: Path, table: np.ndarray) -> None:
    ending = path.suffix
    if ending == ".npy":
        np.save(path, table)
    elif ending == ".npz":
        np.savez_compressed(path, table)
    else:
        delimiter = {".csv": ",", ".tsv": "\t", ".txt": " ", ".dat": " ", ".data": ","}[ending]
        path.write_text("\n".join(delimiter.join(map(repr, row)) for row in table.tolist()) + "\n")
