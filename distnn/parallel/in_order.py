"""Parts that rank 0 gets of all ranks, rank after rank and one at a time, so that nobody holds many of them.

What rank 0 does with them may take long: it tells the others, which wait for their turn or for the end, that it goes
on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

PART, WORD = 1, 3  # tags: of a part, and of rank 0's word:
GOING_ON, YOUR_TURN, OVER = range(3)
WORD_SECONDS = 5.0  # between two words that rank 0 goes on


class Mail(Protocol):
    """Ranks that send each other messages."""

    size: int

    def send(self, value: Any, rank: int, tag: int) -> None:
        """Send a value to another rank, which calls `receive`. Local."""

    def receive(self, rank: int, tag: int) -> Any:
        """What another rank sends with this tag; it is waited for. Local."""


def received(ranks: Mail, parts: Iterable[Any]) -> Iterator[Any]:
    """On rank 0: its parts, and then those of all others."""
    found = _received(ranks, parts)
    next(found)  # so that it comes to its end also where it is closed before the first part
    return found


def sent(ranks: Mail, parts: Iterable[Any]) -> Iterator[Any]:
    """On another rank: nothing; it sends its parts to rank 0 when their turn comes, and returns when rank 0 is done."""
    while (word := ranks.receive(0, WORD)) != OVER:
        if word == YOUR_TURN:
            for part in (*parts, None):
                ranks.send(part, 0, PART)
    yield from ()


def _received(ranks: Mail, parts: Iterable[Any]) -> Iterator[Any]:
    """None, and then the parts."""
    of_others, told = _of_others(ranks), time.monotonic()
    try:
        yield None
        for part in chain(parts, of_others):
            yield part
            if time.monotonic() - told > WORD_SECONDS:
                told = time.monotonic()
                _tell_all(ranks, GOING_ON)
    finally:
        for _ in of_others:
            pass
        _tell_all(ranks, OVER)


def _of_others(ranks: Mail) -> Iterator[Any]:
    for source in range(1, ranks.size):
        ranks.send(YOUR_TURN, source, WORD)
        while (part := ranks.receive(source, PART)) is not None:
            yield part


def _tell_all(ranks: Mail, word: int) -> None:
    for rank in range(1, ranks.size):
        ranks.send(word, rank, WORD)
