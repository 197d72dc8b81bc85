"""The exit code as a word in a file, for scripts; that batch scripts heed it is tested in tests/launch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distnn.command_line.exit_code import VARIABLE, leave_word


@pytest.fixture
def word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "code"))
    return tmp_path / "code"


def test_it_is_a_line_of_its_own(word: Path) -> None:
    for code in (0, 75, 1):
        leave_word(code)
        assert word.read_text() == f"{code}\n"


def test_a_file_that_was_there_stays_the_same_file(word: Path) -> None:
    word.write_text("a longer word\n" * 10)
    before = os.stat(word).st_ino
    leave_word(0)
    assert os.stat(word).st_ino == before and word.read_text() == "0\n"


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_nothing_is_written(
    value: str | None, word: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    leave_word(1)
    assert not word.exists()


def test_what_cannot_be_written_is_said_and_ends_nothing(
    word: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(word / "no" / "folder"))
    leave_word(0)
    assert "the exit code cannot be written to" in capsys.readouterr().err
