"""The one rule on what is written over: a file that holds what the same command wrote, and others by --overwrite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from distnn.errors import UserError


def keep_others(
    paths: Iterable[Path], overwrite: bool, own: Callable[[Path], bool] = lambda path: False, what: str = ""
) -> None:
    """UserError if one of the files is a folder, or is there, holds something, and is not the writer's own. Local.

    overwrite: then it may hold anything. own: does a file hold what is written again? what: that, in words. Devices and
    pipes hold nothing.
    """
    for path in paths:
        if path.is_dir():
            raise UserError(f"{path} is a folder: give the name of a file.")
        if path.is_file() and path.stat().st_size and not (overwrite or own(path)):
            unlike = f", and holds no {what}" if what else ""
            raise UserError(f"{path} is there already{unlike}: name another file, or lose this one by --overwrite.")
