"""What the notes of ranks mean: who was waited for, where, in words; of thousands of ranks, too."""

from __future__ import annotations

import pytest

from distnn.resilience.notes import Note, describe, named

HOSTS = ["n1", "n1", "n2", "n2"]
WAITING = Note(7, True, "reduction.py:3 (sum)")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([3], "rank 3 (on n2)"),
        ([0, 1], "ranks 0 to 1 (on n1)"),
        ([0, 2, 3], "ranks 0, 2 to 3 (on n1, n2)"),
        ([0, 2], "ranks 0, 2 (on n1, n2)"),
    ],
)
def test_ranks_in_words(numbers: list[int], text: str) -> None:
    assert named(numbers, HOSTS) == text
    assert named(numbers) == text.partition(" (")[0]


def test_who_was_waited_for() -> None:
    said = describe({0: WAITING, 1: WAITING, 3: WAITING}, HOSTS, 60)
    assert said.startswith("rank 2 (on n2) was waited for longer than 60 s (--watchdog): the job ends.")
    assert "  ranks 0 to 1, 3: waiting at reduction.py:3 (sum), call 7 of MPI\n" in said
    assert said.endswith("  rank 2: left no word: dead, stopped or cut off")

    busy = Note(6, False, "data/text.py:9 (read)")
    said = describe({0: WAITING, 1: busy, 2: busy, 3: WAITING}, HOSTS, 60)
    assert said.startswith("ranks 1 to 2 (on n1, n2) were waited for longer")
    assert "  ranks 1 to 2: computing, reading or writing at data/text.py:9 (read), call 6 of MPI" in said

    said = describe(dict.fromkeys(range(4), WAITING), HOSTS, 60)
    assert said.startswith("all ranks waited for each other, as where a link is down, longer than 60 s")

    behind = Note(6, True, "run.py:5 (train)")
    said = describe({0: behind, 1: WAITING, 2: WAITING, 3: WAITING}, HOSTS, 60)
    assert said.startswith("all ranks waited for each other")
    assert "  rank 0: waiting at run.py:5 (train), call 6 of MPI\n  ranks 1 to 3: waiting at reduction.py:3" in said


def test_where_only_notes_of_this_host_are_seen() -> None:
    busy = Note(6, False, "run.py:9 (write)")
    said = describe({0: busy, 1: WAITING}, HOSTS, 60, everywhere=False)
    assert said.startswith("rank 0 (on n1) was waited for longer than 60 s")
    assert said.endswith("  ranks 2 to 3: where they are cannot be seen from here")
    assert "left no word" not in said
    said = describe({2: WAITING, 3: WAITING}, HOSTS, 60, everywhere=False)
    assert said.startswith("ranks 0 to 1 (on n1) were waited for")
    said = describe({2: WAITING}, HOSTS, 60, everywhere=False)
    assert said.startswith("rank 3 (on n2) was waited for")


def test_thousands_of_ranks_take_few_lines() -> None:
    notes = {number: WAITING for number in range(5000) if number != 17}
    said = describe(notes, [f"n{number // 40}" for number in range(5000)], 600)
    assert len(said.splitlines()) == 3
    assert len(said) < 500
    assert len(named(range(0, 5000, 2), [f"n{number}" for number in range(5000)])) < 20_000
