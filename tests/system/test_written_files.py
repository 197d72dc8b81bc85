"""One rule for every command that is told to write a file: folders are made, and nobody else's file is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import pytest
from tables import regression, write_csv

from distnn import UserError
from distnn.bench import __main__ as bench
from distnn.bench.convergence import __main__ as convergence
from distnn.parallel.ranks import OneRank
from distnn.report.files import FORMATS

# The program, its arguments but for the file that it writes, and that file: "{}" is the folder. replaces: does a second
# call without --overwrite replace the file, which holds what the same command wrote?
COMMANDS: dict[str, tuple[str, Sequence[str], str, bool]] = {
    "predict --out": ("predict", ("run", "t.csv", "--out", "{}/a.csv"), "a.csv", True),
    "export --out": ("export", ("run", "--to", "json", "--out", "{}/a"), "a.json", False),
    "report --out": ("report", ("run", "--out", "{}/a.html"), "a.html", True),
    "report --figures": ("report", ("run", "--out", "r.html", "--figures", "{}"), "errors-by-iteration.svg", True),
    "train --out-of-fold": (
        "train",
        ("t.csv", "--folds", "2", "--hidden", "1", "--max-iterations", "1", "--quiet", "--out", "folds")
        + ("--out-of-fold", "{}/a.csv"),
        "a.csv",
        True,
    ),
    "init --write": ("init", ("t.csv", "--yes", "--write", "{}/a.toml"), "a.toml", False),
    "submit": ("submit", ("t.csv", "--system", "slurm", "--out", "{}/a"), "a.slurm.sh", True),
    "bench --json": ("bench", ("--json", "{}/a.json"), "a.json", False),
    "bench.convergence --json": ("bench.convergence", ("--json", "{}/a.json"), "a.json", False),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a run."""
    folder = tmp_path_factory.mktemp("trained")
    X, Y = regression(30)
    write_csv(folder / "t.csv", {"a": X[:, 0], "b": X[:, 1], "y": Y[:, 0]})
    options = ("--hidden", "1", "--max-iterations", "1", "--quiet", "--out", f"{folder}/run")
    assert call("train", (f"{folder}/t.csv", *options)) == 0
    return folder


@pytest.fixture(autouse=True)
def quick(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, with them. Nothing is measured, drawn or submitted that is not tested here."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distnn.report.figures.FIGURES", ("errors",))
    monkeypatch.setattr("distnn.report.files.FORMATS", {"svg": FORMATS["svg"]})
    monkeypatch.setattr("distnn.submit.subprocess.run", lambda *given, **named: type("Done", (), {"returncode": 0}))
    monkeypatch.setattr(bench.BenchOptions, "names", ())
    monkeypatch.setattr(convergence, "PROBLEMS", {})


def call(program: str, arguments: Sequence[str]) -> int:
    shutil.rmtree("folds", ignore_errors=True)  # of the call before
    place = import_module(f"distnn.{program}")
    main: Callable[..., int] = getattr(place, "main", None) or import_module(f"distnn.{program}.__main__").main
    return main(OneRank(), arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_folders_are_made_and_files_of_others_stay(name: str) -> None:
    program, arguments, written, replaces = COMMANDS[name]
    arguments = [argument.format("new/folder") for argument in arguments]
    file = Path("new/folder", written)
    assert call(program, arguments) == 0
    assert file.read_bytes()
    if replaces:
        assert call(program, arguments) == 0
    file.write_text("mine")
    with pytest.raises(UserError, match=f"{written} is there already.*name another file, or lose this one"):
        call(program, arguments)
    assert file.read_text() == "mine"
    if program != "submit":  # where it is an option of the training
        assert call(program, [*arguments, "--overwrite"]) == 0
        assert len(file.read_bytes()) > 4


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_is_a_file(name: str) -> None:
    program, arguments, written, _ = COMMANDS[name]
    Path("file").write_text("mine")
    with pytest.raises(UserError, match=rf"file/{written} cannot be written: Not a directory\.$"):
        call(program, [argument.format("file") for argument in arguments])
    assert Path("file").read_text() == "mine"
