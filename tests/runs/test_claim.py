"""A run's directory belongs to one job: whoever comes first, a dead one's may be taken, a living one's never."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from patience import PATIENCE
from trainings import wait_until

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
time.sleep(1000)
"""


class Clock:
    """The time of whoever looks for signs of life: it goes on when he sleeps, and with it what `meanwhile` does."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, of_server = Clock(), Claim._server_time
    monkeypatch.setattr(claim, "time", clock)
    monkeypatch.setattr(Claim, "_server_time", lambda mine: of_server(mine) + clock.now)
    monkeypatch.setattr(claim, "BEAT", 0.1)  # of this process's own claims, by the real clock
    for name in (*sum(owner.JOBS, ()), owner.ATTEMPT):
        monkeypatch.delenv(name, raising=False)
    return clock


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
    at = time.time() + 2  # or when it has started, on a slow machine
    processes = [holder(tmp_path / "run", at) for _ in range(6)]
    time.sleep(max(0, at - time.time()))
    deadline = time.monotonic() + PATIENCE
    while sum(process.poll() is None for process in processes) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    (winner,) = [process for process in processes if process.poll() is None]
    assert written(tmp_path / "run").process == winner.pid
    winner.kill()
    for process in processes:
        out, error = process.communicate()
        assert (out == "held\n") is (process is winner)
        assert process is winner or f"belongs to a job that is running: process {winner.pid} on " in error


class Meets(Claim):
    """One that finds the directory free, while others come just before and just after it writes its claim."""

    def __init__(self, folder: Path, before: Callable[[], object], after: Callable[[], object]) -> None:
        super().__init__(folder)
        self.before, self.after = before, after

    def _write(self, me: Owner) -> Path | None:
        self.before()
        path = super()._write(me)
        self.after()
        return path


def nobody() -> None:
    pass


def test_the_first_of_two_waits_until_the_second_withdraws(tmp_path: Path, clock: Clock) -> None:
    mine = Meets(tmp_path, nobody, lambda: put(tmp_path, owner.myself(elastic=False)))
    second = tmp_path / "claim-3.json"
    clock.meanwhile = lambda: second.unlink() if clock.now > 3 else None
    token = mine.take(elastic=False)
    assert written(tmp_path).token == token
    mine.release()


def test_the_second_of_two_withdraws_at_once(tmp_path: Path, clock: Clock) -> None:
    first = replace(owner.myself(elastic=False), since="the start")
    mine = Meets(tmp_path, lambda: put(tmp_path, first), nobody)
    with pytest.raises(UserError, match=r"is running: .*, since the start"):
        mine.take(elastic=False)
    assert clock.now == 0
    assert written(tmp_path) == first


def test_one_that_wrote_too_late_withdraws_though_its_number_is_lower(tmp_path: Path, clock: Clock) -> None:
    holds = replace(owner.myself(elastic=False), since="long ago")
    mine = Meets(tmp_path, nobody, lambda: put(tmp_path, holds))
    with pytest.raises(UserError, match=r"is running: .*, since long ago"):
        mine.take(elastic=False)
    assert within_a_look(clock.now, claim.SILENCE)
    assert written(tmp_path) == holds


def test_it_shows_life_while_it_looks_again(tmp_path: Path, clock: Clock) -> None:
    """Else two on different hosts would find each other dead."""
    mine = Meets(tmp_path, nobody, lambda: put(tmp_path, elsewhere()))

    def watch() -> None:
        path, other = tmp_path / "claim-1.json", tmp_path / "claim-3.json"
        before = path.stat().st_mtime_ns
        wait_until(lambda: path.stat().st_mtime_ns > before, "a sign of life")
        other.unlink()  # it has seen that

    clock.meanwhile = watch
    token = mine.take(elastic=False)
    assert written(tmp_path).token == token
    mine.release()


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
def test_that_of_a_process_that_was_killed_is_taken(kind: str, tmp_path: Path, clock: Clock) -> None:
    """At once; where others of its ranks may go on, when these have had time to say so."""
    killed(tmp_path, kind)
    (path,) = tmp_path.glob(claim.PATTERN)
    os.utime(path)
    Claim(tmp_path).take(elastic=False)
    assert within_a_look(clock.now, claim.SHORT_SILENCE if kind else 0)
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


def beat(path: Path) -> None:
    """A sign of life of the owner of this claim."""
    os.utime(path, (path.stat().st_mtime + 1,) * 2)


def within_a_look(waited: float, seconds: float) -> bool:
    """Was waited for so long, and a look or two longer? Some seconds less where a slow machine has taken them."""
    return seconds - 10 < waited <= seconds + 2 * claim.LOOK if seconds else waited == 0


def test_on_another_host_signs_of_life_tell(tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, elsewhere())
    clock.meanwhile = lambda: beat(path)
    with pytest.raises(UserError, match=r"is running: process 4711 on n17, since"):
        Claim(tmp_path).take(elastic=False)
    assert "waiting for a sign of life of process 4711 on n17" in capsys.readouterr().err
    clock.now, clock.meanwhile = 0.0, lambda: None
    put(tmp_path, elsewhere())
    Claim(tmp_path).take(elastic=False)
    assert within_a_look(clock.now, claim.SILENCE)
    assert written(tmp_path).process == os.getpid()


@pytest.mark.parametrize("age", [1e6, -1e6])
def test_a_silent_one_is_dead_whatever_the_clocks_say(age: float, tmp_path: Path, clock: Clock) -> None:
    put(tmp_path, elsewhere(), age)
    Claim(tmp_path).take(elastic=False)
    assert clock.now > claim.SILENCE if age < 0 else clock.now == 0


@pytest.mark.parametrize("text", ["", "mine", "{}", "[1]", json.dumps({"host": 1}), "[" * 10_000])
def test_a_claim_that_cannot_be_read_is_that_of_somebody(text: str, tmp_path: Path, clock: Clock) -> None:
    path = put(tmp_path, text)
    clock.meanwhile = lambda: beat(path)
    with pytest.raises(UserError, match=r"is running: that of claim-3\.json"):
        Claim(tmp_path).take(elastic=False)
    clock.meanwhile = lambda: None
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
    variables: dict[str, str],
    job: tuple[str, int],
    at_once: bool,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    put(tmp_path, replace(elsewhere(), job=job[0], attempt=job[1]))
    Claim(tmp_path).take(elastic=False)
    assert within_a_look(clock.now, 0 if at_once else claim.SHORT_SILENCE)


def test_signs_of_life_are_given(tmp_path: Path) -> None:
    mine = Claim(tmp_path)
    mine.take(elastic=False)
    (path,) = tmp_path.glob(claim.PATTERN)
    before = path.stat().st_mtime_ns
    wait_until(lambda: path.stat().st_mtime_ns > before, "a sign of life")
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
