"""Every operation on a file of every command fails, or is the last one before SIGKILL: all files are whole, the old
ones or the new ones, and the next start goes on.
"""

from __future__ import annotations

import errno
import json
import shutil
import signal
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from file_faults import Operations, failing, in_child, kill, striking

from distnn.errors import RankError, UserError
from distnn.parallel.ranks import OneRank
from distnn.predict import main as predict
from distnn.runs import contents
from distnn.storage import files
from distnn.train import main as train

pytestmark = [pytest.mark.job, pytest.mark.timeout(900)]

SMALL = ("--examples", "40", "--hidden", "2", "--max-iterations", "3", "--checkpoint-every", "2", "--quiet")
OTHER = (*SMALL, "--seed", "5", "--optimizer", "adam")

# What is in the directory before, the command, and after it that which goes on where it was cut off: the first that
# does. --overwrite begins anew what it was told to.
COMMANDS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[Sequence[str]]]] = {
    "train": ((), SMALL, (("--resume",), SMALL)),
    "overwrite": (OTHER, (*SMALL, "--overwrite"), (("--resume",), (*SMALL, "--overwrite"))),
    "resume": (SMALL, ("--resume", "--max-iterations", "5"), (("--resume", "--max-iterations", "5"),)),
    "restarts": ((), (*SMALL, "--restarts", "2"), (("--resume",), (*SMALL, "--restarts", "2"))),
}
FAULTS = {"killed": (kill, 1), "full": (failing(errno.ENOSPC), 10**9), "broken": (failing(errno.EIO), 1)}


def training(out: Path, options: Sequence[str]) -> int:
    return train(OneRank(), [*options, "--out", str(out), *(() if "--quiet" in options else ("--quiet",))])


def prepared(out: Path, before: Sequence[str]) -> None:
    shutil.rmtree(out, ignore_errors=True)
    if before:
        assert training(out, before) == 0


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
        else:
            json.loads(path.read_text())
    for name, content in models(out).items():
        assert content in (old.get(name), new.get(name)), f"{where}: {name}"
    assert contents.foreign(out) is None, where


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_training(name: str, fault: str, tmp_path: Path) -> None:
    before, command, after = COMMANDS[name]
    out = tmp_path / "run"
    prepared(out, before)
    old = models(out)
    counted = Operations(tmp_path, 0, kill)
    with striking(counted):
        assert training(out, command) == 0
    new = models(out)
    assert len(counted.names) > 30
    strike, times = FAULTS[fault]
    for at in range(1, len(counted.names) + 1):
        where = f"{fault} at {at}, {counted.names[at - 1]}"
        if "/restart-000/" in where:
            continue  # as a run alone
        prepared(out, before)
        operations = Operations(tmp_path, at, strike, times)
        with striking(operations):
            code = in_child(lambda: training(out, command), UserError, RankError)
        assert code == (-signal.SIGKILL if strike is kill else 0), where
        assert_whole(out, old, new, where)
        assert_goes_on(out, name, after, old, new, where)


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
            assert training(out, command) == 0, where
        except UserError as error:
            said.append(str(error))
            continue
        if models(out) == new:
            break
        assert name == "overwrite", where  # which had not begun: --resume goes on with what was there
        assert models(out) == old, where
    else:
        pytest.fail(f"{where}: nothing goes on: {said}")
    assert [str(path) for path in out.rglob("*") if path.name.startswith((".", "claim"))] == [], where


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("ending", [".csv", ".npy"])
def test_predict(ending: str, fault: str, tmp_path: Path) -> None:
    prepared(tmp_path / "run", SMALL)
    (tmp_path / "a.csv").write_text("x1,x2\n" + "".join(f"{k},{-k}\n" for k in range(2000)))
    folder = tmp_path / "predictions"
    folder.mkdir()
    out = folder / f"a[1]{ending}"
    command = ["--model", str(tmp_path / "run"), "--data", str(tmp_path / "a.csv"), "--out", str(out)]
    counted = Operations(folder, 0, kill)
    with striking(counted):
        assert predict(OneRank(), command) == 0
    new = out.read_bytes()
    strike, times = FAULTS[fault]
    for at in range(1, len(counted.names) + 1):
        where = f"{fault} at {at}, {counted.names[at - 1]}"
        out.write_text("old")
        operations = Operations(folder, at, strike, times)
        with striking(operations):
            code = in_child(lambda: predict(OneRank(), command), UserError)
        assert code == (-signal.SIGKILL if strike is kill else 0), where
        assert out.read_bytes() in (b"old", new), where
        assert predict(OneRank(), command) == 0
        assert out.read_bytes() == new
        assert [path.name for path in folder.iterdir()] == [out.name], where
