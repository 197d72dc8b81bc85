"""Fingerprints: which table a training was of, whole, with the place of each row and what its columns are."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.data.columns import Columns
from distnn.data.encoding import Encoding
from distnn.data.fingerprints import fingerprint, hash_rows, is_same_table
from distnn.data.rows import Rows
from distnn.parallel.ranks import OneRank


def test_the_fingerprint_is_that_of_the_whole_table() -> None:
    X, Y = regression(30)
    weights = np.ones(30)

    def fingerprint(X: Any, Y: Any, weights: Any = None, **options: Any) -> str:
        return assembled(OneRank(), X, Y, weights, **options).examples.fingerprint

    first = fingerprint(X, Y)
    assert first.startswith("30-")
    assert fingerprint(X, Y, dtype="float32", hidden=(), seed=4, validation=0.3) == first
    for counts in ([30, 0], [7, 23], [0, 10, 0, 20]):
        for found in on_ranks(
            len(counts), lambda ranks, counts=counts: assembled(ranks, X, Y, counts=counts).examples.fingerprint
        ):
            assert found == first
    changed, swapped = X.copy(), X[[1, 0, *range(2, 30)]]
    changed[29, 2] = np.nextafter(changed[29, 2], 9)
    others = [
        fingerprint(changed, Y),
        fingerprint(X, Y + 1),
        fingerprint(swapped, Y),
        fingerprint(X[:29], Y[:29]),
        fingerprint(X, Y, weights),
    ]
    assert len({first, *others}) == 6


def test_the_fingerprint_knows_the_place_of_each_row(small_blocks: None) -> None:
    """Also where whole blocks are swapped, of which each has the same rows as before."""
    X, Y = regression(30)
    assembly = assembled(OneRank(), X, Y)
    rows = assembly.examples.cut.rows
    order = [*range(rows, 2 * rows), *range(rows), *range(2 * rows, 30)]
    assert assembled(OneRank(), X[order], Y[order]).examples.fingerprint != assembly.examples.fingerprint
    weights = np.ones(30)
    weights[3] = 0
    swapped = [*range(3), 4, 3, *range(5, 30)]  # the row that is left out stands elsewhere
    one, other = (assembled(OneRank(), X, Y, part).examples.fingerprint for part in (weights, weights[swapped]))
    assert one != other


def rows(**changed: Any) -> Rows:
    """Three rows, with one part changed."""
    parts: dict[str, Any] = {
        "numbers": np.array([4, 5, 6]),
        "inputs": np.arange(6.0).reshape(3, 2),
        "targets": np.zeros((3, 0)),
        "labels": np.array(["a", "b", "a"]),
        "weights": np.ones(3),
    }
    return Rows(**{**parts, **changed})


def test_the_hash_of_rows_knows_all_of_them_and_their_place() -> None:
    others = [
        rows(numbers=np.array([5, 6, 7])),
        rows(numbers=np.array([4, 5, 7])),
        rows(numbers=np.array([4, 6, 7])),
        rows(numbers=np.array([4, 5, 1 << 40])),
        rows(inputs=np.arange(6.0)[::-1].reshape(3, 2)),
        rows(targets=np.ones((3, 1))),
        rows(labels=np.array(["a", "a", "b"])),
        rows(labels=np.array(["ab", "", "a"])),
        rows(labels=None),
        rows(weights=np.array([1.0, 1.0, 2.0])),
        rows(weights=None),
    ]
    hashes = {int(hash_rows(found)) for found in (rows(), *others)}
    assert len(hashes) == 1 + len(others)
    transposed = np.arange(6.0).reshape(3, 2).T.copy().T  # the same numbers in another order in memory
    assert hash_rows(rows(inputs=transposed)) == hash_rows(rows())


def test_hashes_and_fingerprints_stay_what_they_were() -> None:
    """Or else no run of before could be gone on with."""
    assert int(hash_rows(rows())) == 8926312276280756814
    source: Any = SimpleNamespace(columns=("a", "b", "y"), n=3)
    digest = -2
    assert fingerprint(source, Columns((0, 1), (2,)), digest) == "3-fffffffffffffffe-fee88472918910b8"
    assert (
        fingerprint(source, Columns((0, 1), (2,), classes=True), digest)
        == "3-fffffffffffffffe-fee88472918910b8-classes"
    )


def test_a_fingerprint_knows_what_columns_are() -> None:
    """Words that are others throughout become the same numbers, and columns of 2 and 3 words those of 3 and 2."""
    source: Any = SimpleNamespace(columns=("a", "b", "y"), n=3)
    other: Any = SimpleNamespace(columns=("a", "c", "y"), n=3)
    two, three = Encoding("words", ("oak", "pine")), Encoding("words", ("red", "green", "blue"))
    digest = 0
    columns = Columns((0, 1), (2,), encodings=(two, three))
    found = [
        fingerprint(source, columns, digest),
        fingerprint(other, columns, digest),
        fingerprint(source, columns, digest + 1),
        fingerprint(source, replace(columns, encodings=(three, two)), digest),
        fingerprint(source, replace(columns, encodings=(Encoding("words", ("oak", "ash")), three)), digest),
        fingerprint(source, replace(columns, transforms=("log",)), digest),
        fingerprint(source, replace(columns, inputs=(1, 0)), digest),
        fingerprint(source, replace(columns, classes=True), digest),
        fingerprint(SimpleNamespace(columns=("a", "b", "y"), n=4), columns, digest),  # type: ignore[arg-type]
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("30-aa-bb", "30-aa-bb", True),
        ("30-aa-bb", "30-aa-bc", False),
        ("30-aa-bb-classes", "30-aa-bb-classes", True),
        ("30-aa-bb", "30-aa-bb-classes", False),
        ("30-aa", "30-aa-bb", True),  # of an older version
        ("30-aa", "30-aab-bb", False),
        ("30-aa", "30-ab-bb", False),
        ("30-aa", "30-ab-bb-classes", True),
        ("3-aa", "30-aa-bb-classes", False),
        ("30-aa-", "30-aa-bb", False),
    ],
)
def test_which_fingerprints_are_of_one_table(was: str, now: str, same: bool) -> None:
    assert is_same_table(was, now) is same


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("30-aa-bb", "30-cc-bb", True),
        ("30-aa-bb", "30-cc-bd", False),
        ("30-aa-bb", "31-cc-bb", False),
        ("30-aa-bb-classes", "30-cc-bb-classes", True),
        ("30-aa-bb", "30-cc-bb-classes", False),
        ("30-aa", "30-cc-bb", True),
        ("3-aa", "30-cc-bb", False),
        ("", "30-cc-bb-classes", False),
    ],
)
def test_where_rows_were_hashed_in_other_blocks(was: str, now: str, same: bool) -> None:
    assert is_same_table(was, now, in_same_blocks=False) is same


def test_the_fingerprint_is_the_sum_of_the_blocks_hashes(small_blocks: None) -> None:
    X, Y = regression(12)
    found = assembled(OneRank(), X, Y).examples
    hashes = [
        hash_rows(Rows(np.arange(12)[part], X[part], Y[part])) for part in (slice(5), slice(5, 10), slice(10, 12))
    ]
    assert found.fingerprint.split("-")[1] == f"{sum(map(int, hashes)) % 2**64:016x}"
