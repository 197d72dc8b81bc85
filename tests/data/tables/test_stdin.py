"""A table on stdin, which rank 0 alone has."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threaded_ranks import outcomes

from distnn import UserError
from distnn.data.tables import stdin
from distnn.data.tables.stdin import open_stdin
from distnn.parallel.ranks import Ranks

N = 8000
TEXT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(N))
assert len(TEXT) > 1 << 16, "more than a pipe holds"


def given(monkeypatch: pytest.MonkeyPatch, content: bytes, *pauses: float) -> None:
    """Content on stdin through a pipe; written bit by bit, with pauses before each."""
    read, write = os.pipe()

    def feed() -> None:
        with os.fdopen(write, "wb") as file:
            for part in np.array_split(np.frombuffer(content, np.uint8), len(pauses) + 1):
                file.write(part.tobytes())
                file.flush()

    threading.Thread(target=feed, daemon=True).start()
    monkeypatch.setattr("sys.stdin", os.fdopen(read))


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("compressed", [False, True])
def test_all_ranks_have_the_rows(compressed: bool, size: int, hosts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are on other hosts, to which the rows are sent in several pieces."""
    given(monkeypatch, gzip.compress(TEXT) if compressed else TEXT)
    monkeypatch.setattr(stdin, "CHUNK", 10_000)
    names = iter(range(1000))
    if hosts > 1:
        monkeypatch.setattr("socket.gethostname", lambda: f"host-{next(names)}")

    def work(ranks: Ranks) -> Any:
        source = open_stdin(ranks)
        assert (source.n, source.columns, source.path) == (N, ("a", "b"), "stdin")
        start, stop = (N * (ranks.rank + i) // size for i in (0, 1))
        return source.read(start, stop, [0, 1])[0]

    found = np.concatenate(outcomes(size, work, raising=True))
    np.testing.assert_array_equal(found, [(i, i * i) for i in range(N)])


def test_ranks_that_wait_hear_that_rank_0_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TEXT)
    monkeypatch.setattr(stdin, "SECONDS", 0.0)  # what comes within no time: nothing, and it goes on
    rounds: list[int] = []
    original = stdin._read

    def read() -> tuple[bytes, bool]:
        rounds.append(1)
        if len(rounds) > 3:
            monkeypatch.setattr(stdin, "SECONDS", 5.0)
        return original()

    monkeypatch.setattr(stdin, "_read", read)
    for source in outcomes(2, open_stdin, raising=True):
        assert source.n == N
    assert len(rounds) > 3


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "stdin is empty"),
        (b"PAR1" + bytes(100), "stdin holds binary data, not text"),
        (gzip.compress(b"a,b\n1,2\n")[:-9], "stdin is damaged or cut short"),
    ],
)
def test_what_is_no_table(content: bytes, sentence: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, content)
    for error in outcomes(size, open_stdin):
        assert isinstance(error, UserError) and sentence in str(error)


@pytest.mark.parametrize("size", [1, 3])
def test_no_stdin(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    for error in outcomes(size, open_stdin):
        assert isinstance(error, UserError) and "this process has no stdin" in str(error)


@pytest.mark.parametrize("size", [1, 3])
def test_no_room_for_it(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TEXT)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: open("/dev/full", "wb"))  # noqa: SIM115
    for error in outcomes(size, open_stdin):
        assert isinstance(error, UserError) and "is stored in a scratch file in" in str(error)
