"""Random numbers as functions of seed, purpose and counter."""

from __future__ import annotations

from distnn.streams import stream


def test_streams_are_functions_of_seed_purpose_and_counter() -> None:
    first = stream(1, "picks", 5).random(3).tolist()
    assert stream(1, "picks", 5).random(3).tolist() == first
    others = [stream(*key).random(3).tolist() for key in ((2, "picks", 5), (1, "weights", 5), (1, "picks", 6))]
    assert len({tuple(draws) for draws in (first, *others)}) == 4
