"""A run's directory belongs to one job: whoever comes first, a dead one's may be taken, a living one's never."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from distnn import RankError, UserError
from distnn.runs import claim, owner
from distnn.runs.claim import Claim
from distnn.runs.owner import Owner

HOLD = """
import sys, time
from pathlib import Path
from distnn import UserError
from distnn.runs.claim import Claim
while time.time() < float(sys.argv[2]):
    pass
try:
    Claim(Path(sys.argv[1])).take(sys.argv[3] == "elastic")
except UserError as error:
    sys.exit(f"refused: {error}")
print("held", flush=True)
time.sleep(100)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is a long time here."""
    for name, seconds in (("BEAT", 0.1), ("SILENCE", 1.0), ("SHORT_SILENCE", 0.3), ("LOOK", 0.05)):
        monkeypatch.setattr(claim, name, seconds)
    for name in (*sum(owner.JOBS, ()), owner.ATTEMPT):
        monkeypatch.delenv(name, raising=False)


def holder(folder: Path, at: float = 0.0, kind: str = "") -> subprocess.Popen[str]:
    """Another process that claims the folder at that time."""
    command = [sys.executable, "-c", HOLD, str(folder), str(at), kind]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(folder: Path, kind: str = "") -> Owner:
    """The owner that was killed."""
    process = holder(folder, kind=kind)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    return written(folder)


def written(folder: Path) -> Owner:
    (path,) = folder.glob(claim.PATTERN)
    found = owner.read(path.read_text())
    assert found is not None
    return found


def put(folder: Path, other: Owner | str, age: float = 0.0) -> Path:
    """The claim of another, written so many seconds ago."""
    path = folder / "claim-3.json"
    path.write_text(other if isinstance(other, str) else other.text())
    os.utime(path, (time.time() - age,) * 2)
    return path


def elsewhere(**more: object) -> Owner:
    """A job on another host."""
    return replace(owner.myself(elastic=False), host="n17", place="n17 5 6", process=4711, **more)  # type: ignore[arg-type]


@pytest.mark.job
def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    at = time.time() + 2
    processes = [holder(tmp_path / "run", at) for _ in range(6)]
    time.sleep(max(0, at - time.time()))
    deadline = time.monotonic() + 20
    while sum(process.poll() is None for process in processes) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    (winner,) = [process for process in processes if process.poll() is None]
    assert written(tmp_path / "run").process == winner.pid
    winner.kill()
    for process in processes:
        out, error = process.communicate()
        assert (out == "held\n") is (process is winner)
        assert process is winner or f"belongs to a job that is running: process {winner.pid} on " in error


def test_what_a_claim_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "815")
    mine = Claim(tmp_path / "new" / "run")
    token = mine.take(elastic=False)
    found = written(mine.folder)
    assert (found.host, found.process, found.job, found.token) == (os.uname().nodename, os.getpid(), "815", token)
    with pytest.raises(UserError, match=rf"process {os.getpid()} of job 815 on .*, since 20.*another --out"):
        Claim(mine.folder).take(elastic=False)
    mine.release()
    assert list(mine.folder.iterdir()) == []
    Claim(mine.folder).take(elastic=False)


@pytest.mark.job
@pytest.mark.parametrize("kind", ["", "elastic"])
def test_that_of_a_process_that_was_killed_is_taken(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once; where others of its ranks may go on, when these have had time to say so."""
    killed(tmp_path, kind)
    (path,) = tmp_path.glob(claim.PATTERN)
    looks, beat = [], path.stat().st_mtime
    monkeypatch.setattr(claim, "_say", looks.append)
    Claim(tmp_path).take(elastic=False)
    assert kind == "elastic" or not looks
    assert kind == "" or time.time() - beat > claim.SHORT_SILENCE
    assert written(tmp_path).process == os.getpid()


@pytest.mark.job
def test_a_process_with_the_same_number_is_another(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    put(tmp_path, replace(written(tmp_path), started="1"))
    (tmp_path / "claim-1.json").unlink()
    Claim(tmp_path).take(elastic=False)
    process.kill()
    process.communicate()


@pytest.mark.job
def test_a_stopped_process_lives(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    put(tmp_path, written(tmp_path), age=1e6)
    (tmp_path / "claim-1.json").unlink()
    with pytest.raises(UserError, match=f"process {process.pid} "):
        Claim(tmp_path).take(elastic=False)
    process.kill()
    process.communicate()


def beating(path: Path) -> Callable[[], None]:
    """Signs of life of the owner of this claim, until what this returns is called."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(claim.BEAT):
            os.utime(path)

    threading.Thread(target=beat, daemon=True).start()
    return over.set


def test_on_another_host_signs_of_life_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stop = beating(put(tmp_path, elsewhere()))
    with pytest.raises(UserError, match=r"is running: process 4711 on n17, since"):
        Claim(tmp_path).take(elastic=False)
    assert "waiting for a sign of life of process 4711 on n17" in capsys.readouterr().err
    stop()
    began = time.monotonic()
    Claim(tmp_path).take(elastic=False)
    assert time.monotonic() - began > claim.SILENCE / 2
    assert written(tmp_path).process == os.getpid()


@pytest.mark.parametrize("age", [1e6, -1e6])
def test_a_silent_one_is_dead_whatever_the_clocks_say(age: float, tmp_path: Path) -> None:
    put(tmp_path, elsewhere(), age)
    began = time.monotonic()
    Claim(tmp_path).take(elastic=False)
    assert (time.monotonic() - began > claim.SILENCE) is (age < 0)


@pytest.mark.parametrize("text", ["", "mine", "{}", "[1]", json.dumps({"host": 1}), "[" * 10_000])
def test_a_claim_that_cannot_be_read_is_that_of_somebody(text: str, tmp_path: Path) -> None:
    stop = beating(put(tmp_path, text))
    with pytest.raises(UserError, match=r"is running: that of claim-3\.json"):
        Claim(tmp_path).take(elastic=False)
    stop()
    Claim(tmp_path).take(elastic=False)


@pytest.mark.parametrize(
    ("variables", "job", "at_once"),
    [
        ({"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "2"}, ("7", 1), True),
        ({"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "2"}, ("7", 2), False),
        ({"PBS_JOBID": "7.server"}, ("7.server", 0), False),
    ],
)
def test_the_same_batch_job_need_not_wait_long(
    variables: dict[str, str], job: tuple[str, int], at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    put(tmp_path, replace(elsewhere(), job=job[0], attempt=job[1]))
    began = time.monotonic()
    Claim(tmp_path).take(elastic=False)
    assert time.monotonic() - began < (claim.SHORT_SILENCE if at_once else claim.SILENCE)


def test_signs_of_life_are_given(tmp_path: Path) -> None:
    mine = Claim(tmp_path)
    mine.take(elastic=False)
    (path,) = tmp_path.glob(claim.PATTERN)
    before = path.stat().st_mtime_ns
    time.sleep(5 * claim.BEAT)
    assert path.stat().st_mtime_ns > before
    mine.release()


@pytest.mark.job
def test_another_rank_inherits_it(tmp_path: Path) -> None:
    before = killed(tmp_path, "elastic")
    heir = Claim(tmp_path)
    heir.token = before.token
    heir.inherit()
    after = written(tmp_path)
    assert (after.token, after.process, after.elastic) == (before.token, os.getpid(), True)
    heir.inherit()
    with pytest.raises(UserError, match="belongs to a job"):
        Claim(tmp_path).take(elastic=False)
    late = Claim(tmp_path)
    late.token = "another"
    with pytest.raises(RankError, match="was taken over by another job"):
        late.inherit()
    heir.release()


def test_one_that_was_taken_over_is_noticed(tmp_path: Path) -> None:
    mine = Claim(tmp_path)
    mine.take(elastic=False)
    assert mine.stands()
    (path,) = tmp_path.glob(claim.PATTERN)
    path.unlink()
    assert not mine.stands()
    mine.renew()
    assert mine.stands()
    path.unlink()
    put(tmp_path, elsewhere())
    with pytest.raises(RankError, match="was taken over by another job"):
        mine.stands()
    (tmp_path / "claim-3.json").rename(path)  # with the number of mine
    mine.release()
    assert written(tmp_path).host == "n17"


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    Claim(tmp_path).take(elastic=False)
    with pytest.raises(UserError, match="belongs to a job"):
        Claim(tmp_path).take(elastic=False)
    assert len(list(tmp_path.iterdir())) == 1
