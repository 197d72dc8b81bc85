"""The command that watches: once, into a pipe, on a terminal, and what is no run."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE
from trainings import wait_until

from distnn import watch
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank
from distnn.runs import owner
from distnn.train import main as train
from distnn.watch import main

RUN = ("--examples", "60", "--hidden", "2", "--max-iterations", "3", "--validation", "0.2", "--quiet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that have ended, and a folder that is none."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("a", "b"):
        assert train(OneRank(), [*RUN, "--out", str(folder / name)]) == 0
    (folder / "notes").mkdir()
    (folder / "notes/notes.txt").touch()
    return folder


@pytest.fixture(autouse=True)
def _size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(OneRank(), arguments) == 0
    return capsys.readouterr().out.splitlines()


def test_one_run_once(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat() for path in runs.rglob("*")}
    lines = shown(capsys, str(runs / "a"), "--once")
    assert lines[1] == "state       ended, with code 0: t >= 3"
    assert lines[2].startswith("t           3 of 3")
    assert len(lines) <= 23
    assert lines[-1].endswith("E_val")
    changed = [path for path in before if path.stat().st_mtime_ns != before[path].st_mtime_ns]
    assert (changed, set(runs.rglob("*"))) == ([], set(before)), "it reads only"


def test_several_runs_or_the_folder_of_them(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = shown(capsys, "--once", str(runs / "a"), str(runs / "b"))
    assert [line.split()[1] for line in several] == ["state", "ended", "ended"]
    assert shown(capsys, "--once", str(runs)) == several


def test_into_a_pipe_goes_a_line_for_each_change(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, str(runs / "a"), str(runs / "b"), str(runs / "notes"))
    assert [line.split(": ")[1].split(",")[0] for line in lines] == ["ended", "ended", "no run"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Which run"),
        (("none",), "There is no directory none: give that of a run"),
        (("none", "nor"), "There is no directory among these: none nor"),
        (("mine",), "mine holds no run"),
        (("mine", "--every", "-1"), "--every -1.0: give a number of at least 0"),
        (("mine", "--evry", "1"), "evry"),
    ],
)
def test_what_is_no_run(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine/notes.txt").touch()
    with pytest.raises(UserError, match=words):
        main(OneRank(), arguments)


def test_ctrl_c_ends_it_quietly(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(runs: object, every: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "_follow", interrupted)
    assert main(OneRank(), [str(runs / "a")]) == 0


@pytest.mark.job
def test_on_a_terminal(tmp_path: Path) -> None:
    """It waits for a run in an empty directory, shows one that goes on, and leaves the terminal as it was at Ctrl-C."""
    folder = tmp_path / "run"
    folder.mkdir()
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "distnn.watch", str(folder), "--every", "0.1"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        seen = b""

        def sees(words: bytes) -> bool:
            nonlocal seen
            if words not in seen:
                seen += os.read(ours, 1 << 16)
            return words in seen

        wait_until(lambda: sees(b"not begun"), "an empty directory")
        (folder / "options.toml").write_text("max-iterations = 7\n")
        (folder / "metrics.jsonl").write_text('{"t": 0, "E_in": 1.0}\n{"t": 3, "E_in": 0.25}\n{"t": 4')
        (folder / "claim-1.json").write_text(owner.myself(False).text())
        wait_until(lambda: sees(b"3 of 7"), "a run")
        assert "┤".encode() in seen
        process.send_signal(signal.SIGINT)
        wait_until(lambda: sees(b"\x1b[?1049l"), "the terminal as it was")
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert b"Traceback" not in seen
