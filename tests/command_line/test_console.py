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


def test_a_file_is_wide_enough_for_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert not stdout().is_terminal
    names = [f"a class of quite a long name, {k}" for k in range(30)]
    table("Title", ("", *names), [("row", *range(30))])
    pairs([("model", "/" + "x" * 500)])
    text = capsys.readouterr().out
    assert all(name in text for name in names) and "x" * 500 in text


@pytest.mark.parametrize("name", ["[bold]", "[/]", "a:key:b", "\\[x]"])
def test_names_stand_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those that mean something to rich: a style, or a small picture."""
    pairs([(name, name)])
    table("Title", (name, name), [(name, name)])
    stdout().print(name)
    assert capsys.readouterr().out.count(name) == 7
