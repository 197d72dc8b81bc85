"""Which trainings a farm has: the members, as options of an ordinary run each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distnn.runs import contents
from distnn.runs.options import Options


@dataclass(frozen=True)
class Members:
    """Several trainings of one kind, which is also how their folders are called."""

    kind: str
    count: int

    def options(self, options: Options, number: int, resume: bool) -> Options:
        """Those of one member, as if it were trained alone."""
        return replace(options, only=number, group_size=None, total_seconds=None, out_of_fold=None, resume=resume)

    def begun(self) -> list[int]:
        """The numbers of those that may have been trained by earlier jobs."""
        return list(range(self.count))

    def restore(self, directory: Path, resume: bool) -> None:
        """Know what earlier jobs have done. Local to rank 0."""

    def tasks(self, todo: list[int], directory: Path) -> Iterator[tuple[int, Any]]:
        """The members to train, by number, each when it is asked for, with what `take` has to know. Local to rank 0."""
        return iter([(number, None) for number in todo])

    def take(self, number: int, choice: Any) -> None:
        """What one of `tasks` came with, on all ranks of the group that is going to train it. Local."""

    def known(self) -> dict[int, Any]:
        """What `take` was told of each, all of it on rank 0. Local."""
        return {}

    @property
    def learn(self) -> bool:
        """Does what is trained next depend on what the members before came to?"""
        return False

    @property
    def prunes(self) -> bool:
        """May members be broken off because others do better?"""
        return False

    def report(self, number: int, t: int, value: float) -> bool:
        """A member's value at an iteration. Returns whether it is to be broken off. Local to rank 0."""
        return False

    def tell(self, number: int, result: Mapping[str, Any]) -> None:
        """A member's result. Local to rank 0."""

    def alike(self, options: Options) -> bool:
        """Do they differ in their initial weights alone?"""
        return self.kind != "fold" and not options.bootstrap

    def folder(self, number: int) -> str:
        return contents.member(self.kind, number)

    def name(self, number: int) -> str:
        """In words."""
        return f"{self.kind} {number}"


def members(options: Options) -> Members | None:
    """The members that the options ask for; None where they ask for one training."""
    if options.only is not None:
        return None
    if options.folds:
        return Members("fold", options.folds)
    if options.members:
        return Members("member", options.members)
    return Members("restart", options.restarts) if options.restarts > 1 else None
