"""What a table is known by again: a hash of its rows and of what its columns are, the same for any number of ranks."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np

from distnn.data.columns import Columns
from distnn.data.rows import Rows
from distnn.data.tables import Source


def fingerprint(source: Source, columns: Columns, digest: int) -> str:
    """What a table is known by: its number of rows, what they hold, and the columns' names and encodings. Local."""
    read = [columns.names(source), [encoding.metadata() for encoding in columns.encodings], columns.transforms]
    names = json.dumps(read).encode()
    found = f"{source.n}-{digest & (2**64 - 1):016x}-{hashlib.blake2b(names, digest_size=8).hexdigest()}"
    return f"{found}-classes" if columns.classes else found


def is_same_table(was: str, now: str, in_same_blocks: bool = True) -> bool:
    """Are these fingerprints of one table? Older ones have no names, and know classes by other hashes. Local.

    in_same_blocks: else what the rows hold was hashed otherwise, and their number and the names alone tell.
    """
    if not in_same_blocks:
        was, now = (re.sub("-[^-]*", "-", of, count=1) for of in (was, now))
    if was.count("-") > 1:
        return was == now
    return now.startswith(was.split("-")[0] + "-" if now.endswith("-classes") else was + "-")


def hash_rows(rows: Rows) -> np.int64:
    """A hash of these rows and their place. Hashes of blocks are added modulo 2^64, in any order."""
    digest = hashlib.blake2b(digest_size=8)
    first, last = rows.numbers[[0, -1]].tolist()
    digest.update(first.to_bytes(8, "little") if last - first < len(rows) else rows.numbers.astype("<i8").tobytes())
    for array in (rows.inputs, rows.targets, rows.weights):
        if array is not None:
            digest.update(np.asarray(array, array.dtype.newbyteorder("<"), order="C").data)
    if rows.labels is not None:
        digest.update("\0".join(rows.labels.tolist()).encode())
    return np.frombuffer(digest.digest(), "<i8")[0].astype(np.int64)
