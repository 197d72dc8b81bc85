"""Tables on the console; those that go to a file have no blanks at the ends of lines."""

from __future__ import annotations

import pytest

from distnn.command_line.console import pairs, stdout, table


def test_names_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    pairs([("a name", "a value"), ("θ", "[not markup]"), ("", "x" * 150)])
    assert capsys.readouterr().out.splitlines() == ["a name  a value", "θ       [not markup]", "        " + "x" * 150]


def test_a_table_has_its_first_column_to_the_left_and_the_others_to_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table("Title", ("who", "n"), [("a", 1), ("bcde", 1234)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Title"
    assert [line for line in lines[1:] if line] == [" who       n", " ───────────", " a         1", " bcde   1234"]


def test_a_file_is_wide_enough_for_every_table() -> None:
    assert not stdout().is_terminal
    assert stdout().width == 200
