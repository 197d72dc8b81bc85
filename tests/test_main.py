"""The command `distnn`: it starts the program that a word names, lightly, and answers what is no such word."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import re
import sys
from pathlib import Path

import pytest
from checkout import CHECKOUT
from mpi_runner import mpirun, python

import distnn
from distnn import UserError
from distnn.__main__ import COMMANDS, main
from distnn.parallel.ranks import OneRank

ODD = [
    *(["--nosuch"], ["--nosuch=3"], ["nowhere"], ["folder"], ["empty"], ["binary"], ["empty", "folder"], [""]),
    *(["--config"], ["--config", "nowhere"], ["--config", "folder"], ["--config", "binary"], ["a", "b", "c", "d"]),
]


def test_every_program_is_a_command_and_every_command_a_program() -> None:
    found = set()
    for path in CHECKOUT.glob("distnn/*.py"), CHECKOUT.glob("distnn/*/__main__.py"):
        for file in path:
            if re.search(r"^    run\(main\)$", file.read_text(encoding="utf-8"), re.M):
                found.add(file.stem if file.stem != "__main__" else file.parent.name)
    assert found == set(COMMANDS)
    assert all(importlib.util.find_spec(f"distnn.{name}") for name in COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_help_names_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for name, words in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words)}$", shown, re.M)
    assert max(map(len, shown.splitlines())) <= 120


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"distnn {distnn.__version__}\n"


def test_it_starts_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each as by `python -m`: with a __name__ of "__main__", and with what follows the word as its arguments."""
    monkeypatch.setattr(sys, "argv", ["distnn"])
    started = []
    monkeypatch.setattr("runpy.run_module", lambda *given, **named: started.append((given, named, sys.argv[1:])))
    main(["evaluate", "--model", "help"])
    main(["help", "train"])
    as_program = {"run_name": "__main__", "alter_sys": True}
    assert started == [
        (("distnn.evaluate",), as_program, ["--model", "help"]),
        (("distnn.train",), as_program, ["--help"]),
    ]


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("trian", "There is no command 'trian'; did you mean train?"),
        ("TRAIN", "There is no command 'TRAIN'; did you mean train?"),
        ("--versoin", "There is no option --versoin; did you mean --version?"),
        ("xyz", "There is no command 'xyz'."),
        ("--data", "--data is an option: first say what is to be done, such as distnn train --data."),
        ("table.csv", "table.csv is a file: say what is to be done with it, such as distnn train table.csv."),
    ],
)
def test_what_is_no_command_is_answered(
    word: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").touch()
    assert main([word]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"distnn: {answer} See: distnn --help\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_odd_input_is_answered_in_sentences(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    Path("folder").mkdir()
    Path("empty").touch()
    Path("binary").write_bytes(bytes(range(256)))
    place = importlib.import_module(f"distnn.{command}")
    program = place if hasattr(place, "main") else importlib.import_module(f"distnn.{command}.__main__")
    for arguments in ODD:
        if command == "watch" and "folder" in arguments:
            continue  # it waits for a training to begin there
        with pytest.raises(UserError) as refused:
            program.main(OneRank(), arguments)
        said = str(refused.value)
        assert said.isprintable() and "  " not in said and len(said) < 400, said
        assert re.search(r"([.?)]|--help|(empty|folder|binary|table))$", said), said


def test_one_of_many_processes_speaks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMI_RANK", "1")
    assert (main([]), main(["xyz"])) == (0, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.job
def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from distnn.__main__ import main; main([]); print(*sorted(sys.modules))"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.splitlines()[-1].split()
    heavy = {"numpy", "mpi4py", "rich", "cyclopts", "threadpoolctl", "safetensors"}
    assert not heavy & set(modules)


@pytest.mark.job
def test_on_ranks() -> None:
    done = mpirun(2, "-m", "distnn", "info", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["MPI"].endswith(", 2 ranks")
