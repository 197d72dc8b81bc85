"""An interrupt where no program answers it yet, or any more, is one sentence."""

from __future__ import annotations

import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from mpi_runner import mpirun, python

from distnn.__main__ import COMMANDS
from distnn.command_line.interrupted import Quiet, is_command, quiet
from distnn.parallel.launched import RANK_VARIABLES


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What comes to the hook that was there before."""
    found: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(error))
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return found


def run_as(name: str | None, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this process runs a module, or a script."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", name and ModuleSpec(name, None))
    monkeypatch.setattr(sys, "argv", [script])


@pytest.mark.parametrize(
    ("name", "script", "is_ours"),
    [
        ("distnn.predict", "predict.py", True),
        ("distnn.bench.convergence.__main__", "x.py", True),
        (None, "/usr/bin/distnn", True),
        (None, "mine.py", False),
        ("distnnx", "distnn", False),
        ("pytest.__main__", "distnn", False),
    ],
)
def test_what_is_a_command(name: str | None, script: str, is_ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    run_as(name, script, monkeypatch)
    assert is_command() == is_ours


def test_who_is_quiet(
    printed: list[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command is, of interrupts; a program that imports distnn is not touched."""
    before = sys.excepthook
    run_as(None, "mine.py", monkeypatch)
    quiet()
    assert sys.excepthook is before
    run_as(None, "-m", monkeypatch)
    quiet()
    hook = sys.excepthook
    assert isinstance(hook, Quiet)
    run_as("mine.tool", "tool.py", monkeypatch)
    theirs, ours = KeyboardInterrupt(), KeyError("x")
    hook(KeyboardInterrupt, theirs, None)
    run_as("distnn.predict", "predict.py", monkeypatch)
    hook(KeyError, ours, None)
    assert printed == [theirs, ours] and capsys.readouterr().err == ""
    hook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "distnn: interrupted.\n"
    monkeypatch.setenv(RANK_VARIABLES[0], "1")
    hook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(printed) == 2 and capsys.readouterr().err == ""


# Raises the interrupt at an import that all commands make. Coverage's own .pth may have begun before.
SITE = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "distnn.command_line.program":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
"""


@pytest.fixture
def interrupting(tmp_path: Path) -> dict[str, str | None]:
    """Variables by which Python is interrupted in the middle of a command's imports."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.job
@pytest.mark.parametrize("arguments", [*([f"distnn.{name}"] for name in COMMANDS), ["distnn", "predict"]], ids=" ".join)
def test_in_the_middle_of_imports(arguments: list[str], interrupting: dict[str, str | None]) -> None:
    done = python("-m", *arguments, env=interrupting)
    assert (done.stderr, done.stdout, done.returncode) == ("distnn: interrupted.\n", "", -signal.SIGINT)


@pytest.mark.job
def test_in_the_middle_of_imports_on_ranks(interrupting: dict[str, str | None]) -> None:
    """The launcher may end one rank as soon as the other one has ended, before it says anything."""
    done = mpirun(2, "-m", "distnn.predict", env=interrupting)
    assert done.returncode != 0
    assert done.stderr.count("distnn: interrupted.") <= 1 and "Traceback" not in done.stderr
