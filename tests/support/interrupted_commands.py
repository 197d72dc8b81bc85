"""Commands that are interrupted at every operation on a file, one after another, and that which must hold afterwards.

Each is tried in a child of this process. Forking copies what a process maps, so this is to run in a small process,
which has imported no more than the commands need: see test_file_operations.py.
"""

from __future__ import annotations

import csv
import ctypes
import errno
import json
import os
import shutil
import signal
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from file_faults import Operations, failing, in_child, kill, striking

from distnn import predict, train
from distnn.command_line import arguments as command_line
from distnn.errors import RankError, UserError
from distnn.parallel.ranks import OneRank
from distnn.runs import contents
from distnn.storage import files

TINY = ("--examples", "40", "--hidden", "2", "--max-iterations", "3", "--checkpoint-every", "2", "--quiet")
SMALL, OTHER = (*TINY, "--optimizer", "adam"), (*TINY, "--seed", "5", "--optimizer", "gradient-descent")

# What is in the directory before, the command, and after it that which goes on where it was cut off: the first that
# does. --overwrite begins anew what it was told to.
TRAININGS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[Sequence[str]]]] = {
    "train": ((), SMALL, (("--resume",), SMALL)),
    "overwrite": (OTHER, (*SMALL, "--overwrite"), (("--resume",), (*SMALL, "--overwrite"))),
    "resume": (SMALL, ("--resume", "--max-iterations", "5"), (("--resume", "--max-iterations", "5"),)),
    "restarts": ((), (*SMALL, "--restarts", "2"), (("--resume",), (*SMALL, "--restarts", "2"))),
}
FAULTS = {"killed": (kill, 1), "full": (failing(errno.ENOSPC), 10**9), "broken": (failing(errno.EIO), 1)}


PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def hurry() -> None:
    """Make this process quick: it reads the same options once, and waits for no disk, since no power fails here.

    It ends with the process that started it, also where that is killed.
    """
    assert ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0
    read, known = command_line.read, dict[Any, dict[str, Any] | None]()

    def read_once(kind: type, program: str, about: str, arguments: Sequence[str]) -> dict[str, Any] | None:
        """Options depend on the arguments and on the file of options that these name."""
        texts = [Path(argument).read_bytes() for argument in arguments if argument.endswith(".toml")]
        key = (kind, *arguments, *texts)
        if key not in known:
            known[key] = read(kind, program, about, arguments)
        return known[key]

    command_line.read = train.read = read_once  # type: ignore[attr-defined]
    os.fsync = lambda handle: None


def every_operation(
    folder: Path, fault: str, begin: Callable[[], None], command: Callable[[], int], *expected: type[Exception]
) -> Iterator[tuple[str, Callable[[], None]]]:
    """For each operation of the command in the folder: where it is, and what has the fault strike there."""
    strike, times = FAULTS[fault]
    begin()
    counted = Operations(folder, 0, kill)
    with striking(counted):
        assert command() == 0

    def interrupt(at: int, where: str) -> None:
        begin()
        with striking(Operations(folder, at, strike, times)):
            code = in_child(command, *expected)
        assert code == (-signal.SIGKILL if strike is kill else 0), where

    for at, name in enumerate(counted.names, 1):
        where = f"{fault} at {at}, {name}"
        yield where, lambda at=at, where=where: interrupt(at, where)  # type: ignore[misc]


def run(out: Path, options: Sequence[str]) -> int:
    return train.main(OneRank(), [*options, "--out", str(out), *(() if "--quiet" in options else ("--quiet",))])


def interrupted_training(name: str, fault: str, folder: Path) -> int:
    """Returns how many operations were tried."""
    before, command, after = TRAININGS[name]
    prepared, out = folder / "prepared", folder / "run" / "out"
    if before:
        assert run(prepared, before) == 0
    out.parent.mkdir()

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)
        if before:
            shutil.copytree(prepared, out)

    tried, inside, old, new = 0, 0, models(prepared), dict[str, bytes]()
    for where, interrupt in every_operation(out.parent, fault, begin, lambda: run(out, command), UserError, RankError):
        new = new or models(out)
        inside += "/restart-" in where
        if "/restart-000/" in where or ("/restart-" in where and inside % 4):
            continue  # as a run alone; but for some beside one that is finished
        if is_like_another(name, fault, where):
            continue
        interrupt()
        assert_whole(out, old, new, where)
        assert_no_temporary_files(out, where)
        assert_goes_on(out, name, after, old, new, where)
        tried += 1
    return tried


def is_like_another(name: str, fault: str, where: str) -> bool:
    """Is a fault here one that is tried elsewhere?

    A command killed at any operation between writing a new file and giving it its name leaves the same. An error of any
    operation on a new file is handled in one place, which "train" tries; others have the write fail, and the naming.
    """
    operation, _, path = where.partition(", ")[2].partition(" ")
    if not Path(path).name.startswith("."):
        return False
    if fault == "killed":
        return operation in ("fsync", "chmod")
    return name != "train" and operation in ("open", "fsync", "chmod")


def models(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("model.safetensors")}


def assert_whole(out: Path, old: dict[str, bytes], new: dict[str, bytes], where: str) -> None:
    """Every file is whole; a model is the old one or the new one."""
    for path in out.rglob("*"):
        if path.name.startswith(".") or path.is_dir() or path.name == contents.METRICS:
            continue
        if path.suffix == ".safetensors":
            files.read(path)
        elif path.suffix == ".toml":
            tomllib.loads(path.read_text())
        elif path.suffix == ".csv":
            assert len({len(row) for row in csv.reader(path.read_text().splitlines(True))}) == 1, f"{where}: {path}"
        else:
            json.loads(path.read_text())
    for name, content in models(out).items():
        assert content in (old.get(name), new.get(name)), f"{where}: {name}"
    assert contents.foreign(out) is None, where


def assert_no_temporary_files(folder: Path, where: str) -> None:
    """After an error there is none, unless that was of its removal; a full disk makes that fail here, too."""
    if where.startswith("broken") and ", unlink " not in where:
        assert [path for path in folder.rglob(".*") if path.is_file()] == [], where


def assert_goes_on(
    out: Path,
    name: str,
    after: Sequence[Sequence[str]],
    old: dict[str, bytes],
    new: dict[str, bytes],
    where: str,
) -> None:
    """One of the commands goes on, to the models of an undisturbed run, and leaves nothing lying about."""
    said = []
    for command in after:
        try:
            assert run(out, command) == 0, where
        except UserError as error:
            said.append(str(error))
            continue
        if models(out) == new:
            break
        assert name == "overwrite", where  # which had not begun: --resume goes on with what was there
        assert models(out) == old, where
    else:
        raise AssertionError(f"{where}: nothing goes on: {said}")
    assert [str(path) for path in out.rglob("*") if path.name.startswith((".", "claim"))] == [], where


def interrupted_predict(ending: str, fault: str, folder: Path) -> int:
    """Returns how many operations were tried."""
    assert run(folder / "run", SMALL) == 0
    (folder / "a.csv").write_text("x1,x2\n" + "".join(f"{k},{-k}\n" for k in range(2000)))
    out = folder / "predictions" / f"a[1]{ending}"
    out.parent.mkdir()
    command = ["--model", str(folder / "run"), "--data", str(folder / "a.csv"), "--out", str(out), "--overwrite"]

    def begin() -> None:
        out.write_text("old")

    tried, new = 0, b""
    for where, interrupt in every_operation(
        out.parent, fault, begin, lambda: predict.main(OneRank(), command), UserError
    ):
        new = new or out.read_bytes()
        interrupt()
        assert out.read_bytes() in (b"old", new), where
        assert_no_temporary_files(out.parent, where)
        assert predict.main(OneRank(), command) == 0
        assert out.read_bytes() == new
        assert [path.name for path in out.parent.iterdir()] == [out.name], where
        tried += 1
    return tried
