"""Which columns of a table are what, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from distnn.data.encoding import PLAIN, Encoding
from distnn.data.tables import Source
from distnn.data.tables.source import Missing


@dataclass(frozen=True)
class Columns:
    """The columns by number. Replicated.

    encodings: of the inputs; () where all are plain numbers. classes: the target is the name of a class, or, where
    there are several, that one of them which is 1. transforms: of targets that are numbers, each a name or None; ()
    for none. missing: what stands for a missing value. leave_out: rows in which one is missing, of "targets", of
    "inputs" that are not filled in, or of either. unknown: what becomes of a word without a category: an "error", or
    "zeros".
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    weight: int | None = None
    encodings: tuple[Encoding, ...] = ()
    classes: bool = False
    transforms: tuple[str | None, ...] = ()
    missing: Missing = field(default_factory=Missing)
    leave_out: tuple[str, ...] = ()
    unknown: str = "error"

    def names(self, source: Source) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
        """The names of inputs, targets and weight in the table."""
        names = source.columns
        weight = None if self.weight is None else names[self.weight]
        return tuple(names[j] for j in self.inputs), tuple(names[j] for j in self.targets), weight

    def encoding(self, input: int) -> Encoding:
        """What is made of one of the inputs, by its number in the table."""
        return self.encodings[self.inputs.index(input)] if self.encodings else PLAIN

    @property
    def all_plain(self) -> bool:
        """Are the inputs of the network the numbers of the columns, as they are?"""
        return all(encoding == PLAIN for encoding in self.encodings)

    @property
    def labels(self) -> int | None:
        """The column of names of classes, if there is one."""
        return self.targets[0] if self.classes and len(self.targets) == 1 else None

    def spelled(self, source: Source) -> tuple[int, ...]:
        """Those that are read as words."""
        found = [
            j
            for j, encoding in zip(self.inputs, self.encodings, strict=False)
            if encoding.kind == "words" or (encoding.kind == "booleans" and source.kind(j) in (None, "words"))
        ]
        return tuple(found if self.labels is None else [*found, self.labels])
