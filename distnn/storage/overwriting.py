"""The one rule on files that commands are told to write.

A file that holds what the same command wrote is replaced, others by --overwrite; folders that are missing are made.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from distnn.errors import UserError
from distnn.storage.files import replacing


def make_way(
    paths: Iterable[str | Path], overwrite: bool, own: Callable[[Path], bool] = lambda path: False, what: str = ""
) -> None:
    """See that the files can be written, before anything is computed: their folders are made. Local.

    UserError if one of the files is a folder, or is there, holds something, and is not the writer's own; or if a folder
    cannot be made. Nothing is made, then.

    overwrite: then it may hold anything. own: does a file hold what is written again? what: that, in words. Devices and
    pipes hold nothing.
    """
    named = [str(path) for path in paths]
    files = [Path(name) for name in named]
    for name, path in zip(named, files, strict=True):
        if os.path.isdir(path) or name.endswith(os.sep):
            raise UserError(f"{name} is a folder: give the name of a file.")
        if os.path.isfile(path) and path.stat().st_size and not (overwrite or own(path)):
            unlike = f", and holds no {what}" if what else ""
            raise UserError(f"{path} is there already{unlike}: name another file, or lose this one by --overwrite.")
    for path in files:
        try:
            make_folder(path.parent)
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it is in, unless they are there. OSError if it fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def write(path: Path, content: str | bytes, option: str) -> None:
    """Write a file that this option names, whole or not at all. Local. UserError if it fails."""
    try:
        make_folder(path.parent)
        with replacing(path) as file:
            file.write(encoded(content) if isinstance(content, str) else content)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise UserError(f"{option} {path} cannot be written: {getattr(error, 'strerror', error)}.") from None


def encoded(text: str) -> bytes:
    """A text as UTF-8, in which names of files keep bytes of theirs that are none."""
    return text.encode(errors="surrogateescape")
