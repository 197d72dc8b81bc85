"""What has to be the same on all ranks: compared before anything hangs on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

LONGEST = 80  # characters of a value in a message


def same(value: Any, ranks: Ranks) -> bool:
    """Have all ranks a value of the same `repr`? Collective, replicated.

    A hash of 16 bytes is compared, by one MAX of 64 bytes: on any number of ranks, none gets the values of all.
    """
    if ranks.size == 1:
        return True
    digest = hashlib.blake2b(repr(value).encode("utf-8", "backslashreplace"), digest_size=16).digest()
    words = np.frombuffer(digest, np.uint32).astype(np.float64)
    extremes = np.concatenate([words, -words])
    ranks.maximum(extremes)
    return bool((extremes[: len(words)] == -extremes[len(words) :]).all())


def require_same(mine: Mapping[str, Any], ranks: Ranks) -> None:
    """UserError, on all ranks, unless their values are the same, by their `repr`. Collective, replicated.

    mine: this rank's values, by words for the message. The values themselves travel only where they differ.
    """
    words = {name: repr(value) for name, value in mine.items()}
    if same(sorted(words.items()), ranks):
        return
    everyones = ranks.gather(words)
    first = everyones[0]
    for rank, other in enumerate(everyones):
        for name in (*first, *(name for name in other if name not in first)):
            here, there = (_shown(values.get(name)) for values in (first, other))
            if first.get(name) != other.get(name):
                raise UserError(
                    f"{name} differs over the ranks: {here} on rank 0, {there} on rank {rank}. Give all the same."
                )


def _shown(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
