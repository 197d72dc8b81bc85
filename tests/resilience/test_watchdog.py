"""What the watchdog says, and when it holds its peace; that it ends jobs is in test_faults.py and test_hosts.py."""

from __future__ import annotations

import itertools
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from patience import PATIENCE
from threaded_ranks import Comm, ThreadRanks, Wire
from trainings import wait_until

from distnn.errors import UserError
from distnn.parallel.ranks import OneRank
from distnn.resilience import watchdog
from distnn.resilience.watchdog import Watchdog, given, watching, within

HOSTS = ["n1", "n1", "n2", "n2"]


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ("", 600), ("--watchdog 7 --out a", 7), ("--watchdog=0.5", 0.5), ("--watchdog", 600), ("--watchdog x", 600),
        ("--watchdog -1", 600), ("--watchdog nan", 600), ("--watchdog 0", 0), ("--watchdog 1 --watchdog 2", 2),
    ],
)  # fmt: skip
def test_before_the_options_are_read_the_arguments_say_how_long(arguments: str, seconds: float) -> None:
    assert given(arguments.split()) == seconds


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_senseless_seconds(seconds: float) -> None:
    with pytest.raises(UserError, match=r"--watchdog .*: it needs to be at least 0"), watching(OneRank(), seconds):
        pass


def test_a_folder_that_hangs_leaves_the_notes_in_the_memory_of_the_host(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "GRACE", 0.1)
    one, release = ranks(), threading.Event()
    one.waiting = True
    mkdir = Path.mkdir

    def slow(path: Path, **more: bool) -> None:
        if path.name == "waiting":
            release.wait(PATIENCE)
        mkdir(path, **more)

    monkeypatch.setattr(Path, "mkdir", slow)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "rank-0").write_text('{"calls": 6, "waiting": false, "place": "here"}')
    (tmp_path / "local" / "rank-2").write_text('{"calls": 6, "waiting": true, "place": "there"}')
    dog = Watchdog(one, 0.4, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    assert ended_within(PATIENCE, one, dog)
    release.set()
    said = capfd.readouterr().err
    assert "rank 0 (on n1) was waited for longer than 0.4 s" in said
    assert "rank 0: computing, reading or writing at here" in said
    assert not (tmp_path / "local").exists()


def ranks() -> ThreadRanks:
    return ThreadRanks(Comm(Wire(3), 1))


class Ended(Exception):
    pass


def ended_within(seconds: float, one: ThreadRanks, dog: Watchdog) -> bool:
    ended = threading.Event()
    one.abort = lambda code: (ended.set(), dog.over.set())  # type: ignore
    dog.start()
    found = ended.wait(seconds)
    dog.stop()
    return found


def test_a_rank_that_waits_too_long_ends_the_job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = ranks()
    one.waiting = True
    dog = Watchdog(one, 0.4, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    assert ended_within(PATIENCE, one, dog)
    assert "ranks 0, 2 (on n1, n2) were waited for longer than 0.4 s" in capfd.readouterr().err
    assert not (tmp_path / "waiting").exists()


def test_a_rank_that_computes_or_goes_on_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "PATIENCE", 0.05)  # or it would end the job after this test
    busy = ranks()
    dog = Watchdog(busy, 0.1, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    assert not ended_within(0.5, busy, dog)

    class Moving(ThreadRanks):
        numbers = itertools.count()
        calls = property(lambda self: next(self.numbers), lambda self, calls: None)  # type: ignore

    moving = Moving(Comm(Wire(3), 1))
    moving.waiting = True
    dog = Watchdog(moving, 0.1, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    assert not ended_within(0.5, moving, dog)


def test_a_job_that_was_suspended_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock has gone on, by an hour, while no thread of it ran."""
    one = ranks()
    one.waiting = True
    dog = Watchdog(one, 2, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    started, clock = time.monotonic(), time.monotonic
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: clock() + (3600 if clock() > started + 0.3 else 0))
    assert not ended_within(0.7, one, dog)


def test_a_note_is_taken_back_when_the_rank_goes_on(tmp_path: Path) -> None:
    one = ranks()
    dog = Watchdog(one, 0.4, tmp_path / "local", tmp_path / "waiting", HOSTS[:3])
    dog.start()
    note = tmp_path / "waiting" / "rank-1"
    wait_until(lambda: note.exists() and note.read_text(), "a note")
    assert '"waiting": false' in note.read_text()
    assert "test" not in note.read_text()
    one.calls += 1
    wait_until(lambda: not note.exists(), "it is taken back")
    dog.stop()


def test_without_a_folder_the_job_ends_all_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "PATIENCE", 0.2)  # for rank 0, which does not come
    one = ranks()
    one.waiting = True
    dog = Watchdog(one, 0.4, tmp_path / "local", tmp_path / "none" / "waiting", HOSTS[:3])
    assert ended_within(PATIENCE, one, dog)
    assert "waited for longer" in capfd.readouterr().err
    assert not (tmp_path / "none").exists(), "a run's directory that was deleted is not the watchdog's to make"


def test_a_file_system_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hangs")
    assert within(0.1, lambda: (tmp_path / "hangs").read_text()) is None
    assert within(5, lambda: 3) == 3
    assert within(5, lambda: (tmp_path / "none").read_text()) is None


def test_one_rank_waits_for_nobody(tmp_path: Path) -> None:
    before = threading.active_count()
    with watching(OneRank(), 0.01, tmp_path):
        assert threading.active_count() == before


def test_a_rank_is_where_it_works_not_where_messages_are_waited_for() -> None:
    frame: Any = None
    for line, name in enumerate(("inference/writers/__init__.py", "parallel/in_order.py", "parallel/mpi.py")):
        code = SimpleNamespace(co_filename=str(watchdog.PACKAGE / name), co_name="work")
        frame = SimpleNamespace(f_code=code, f_lineno=line, f_back=frame)
    assert watchdog.place(frame) == "inference/writers/__init__.py:0 (work)"
    assert watchdog.place(None) == "an unknown place"
