"""What is there already: the table, which is never written over, and predictions of before, which are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from distnn.data.tables import STDIN, open_source
from distnn.data.tables.hdf import split_path
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


def keep_table(data: str | None, out: str | None) -> None:
    """UserError if the file to write is the table, or one of its files. Local."""
    if data is None or data == STDIN or out is None or not os.path.exists(out):
        return
    path = Path(split_path(data)[0])
    files = path.iterdir() if path.is_dir() else [path] if path.exists() else map(Path, glob(str(path)))
    if any(Path(out).samefile(file) for file in files if file.exists()):
        raise UserError(f"{out} is the table itself, which would be lost: write to another file.")


def holds_predictions(path: Path, names: Sequence[str], more: bool = False) -> bool:
    """Has a file columns of these names, as predictions of before have them? Local.

    An array, whose columns have no names, has as many. more: there may be others after them; arrays do not count.
    """
    try:
        found = open_source(str(path), OneRank())
    except UserError:
        return False
    if found.named:
        return list(found.columns[: len(names)] if more else found.columns) == list(names)
    return len(found.columns) == len(names) and not more
