"""The word that a program leaves for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from distnn.command_line.exit_code import VARIABLE, leave_word


def test_in_place_of_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place: it must need no room on a full disk, nor a new entry in a directory that another host has cached."""
    word = tmp_path / "word"
    word.write_text("running\n")
    file = word.stat().st_ino
    monkeypatch.setenv(VARIABLE, str(word))
    leave_word(75)
    assert (word.read_text(), word.stat().st_ino) == ("75\n", file)


def test_a_file_that_was_removed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "word"))
    leave_word(0)
    assert (tmp_path / "word").read_text() == "0\n"


@pytest.mark.parametrize("value", [None, ""])
def test_nowhere_if_none_is_named(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)
    leave_word(0)
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err == ""


def test_what_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none" / "word"))
    leave_word(0)
    assert "none/word (DISTNN_EXIT_CODE_FILE): No such file or directory." in capsys.readouterr().err
    monkeypatch.setenv(VARIABLE, "/dev/full")
    leave_word(0)
    assert "No space left on device" in capsys.readouterr().err
