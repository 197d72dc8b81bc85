"""A run's directory belongs to one job: its claim is a file in it, claim-<number>.json, that says who the job is.

Rank 0 alone touches it. docs/decisions/claims.md says why it is done so. What makes it work where several jobs start at
once, on any hosts that see the directory:

* A claim has the number after the highest that is there, and a name can be taken only once. So of several that find the
  directory free, or its owner dead, one gets it.
* A job that holds a claim looks once more whether others live. It withdraws if one has a lower number, and waits for
  those with a higher one to withdraw. So the first of several has it, and not none.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from distnn.errors import RankError, UserError
from distnn.runs import owner
from distnn.runs.owner import Owner
from distnn.storage.files import replacing, sweep

PATTERN = "claim-*.json"
BEAT = 5.0  # seconds between signs of life, the time of the file's last change
SILENCE = 60.0  # seconds without one after which an owner on another host is dead
SHORT_SILENCE = 15.0  # the same where more speaks for it: its process is gone, or this is the same batch job
LOOK = 0.5  # seconds between looks


class Claim:
    """The claim of one job to a directory. token: the job's name, which all of its ranks know; None before `take`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.token: str | None = None
        self.elastic = False
        self._path: Path | None = None  # of the claim, if this process holds it
        self._over = threading.Event()

    def take(self, elastic: bool) -> str:
        """Claim the directory, which is made if it is not there, for a new job; returns its token.

        elastic: may the job outlive this process? UserError if the directory belongs to a job that lives. It may take
        SILENCE to know. OSError if the claim cannot be written.
        """
        me, self.elastic = owner.myself(elastic), elastic
        while self._path is None:
            self._require_no_other()
            self._path = self._write(me)
        self.token = me.token
        self._show_life()  # those that wrote theirs at the same time ask for it
        try:
            self._outlast_others(_number(self._path))
            for path in self._others():
                path.unlink(missing_ok=True)
        except BaseException:
            self.release()
            raise
        sweep(self.folder, PATTERN)
        return me.token

    def inherit(self) -> None:
        """Hold the claim of the job of this token from now on: rank 0 may have died, and this is now rank 0.

        RankError if another job has taken the directory meanwhile. OSError if the claim cannot be written.
        """
        if self._path is not None or self.token is None:
            return
        me = owner.myself(True, self.token)
        for path in self._all():
            self._path = path
            if self._is_mine():
                with replacing(path, "w") as file:
                    file.write(me.text())
                break
        else:
            self._path = None if self._all() else self._write(me)
            if self._path is None:
                self._lost()
        self._show_life()

    def stands(self) -> bool:
        """Is it still this job's claim that is there? RankError if it is another's. True if there never was one."""
        if self._path is None or self._is_mine():
            return True
        if self._others():
            self._lost()
        return False

    def renew(self) -> None:
        """Write the claim again, where the directory was deleted. OSError if it cannot be written."""
        path = self._write(owner.myself(self.elastic, self.token))
        if path is None:
            self._lost()
        self._path = path

    def release(self) -> None:
        """Give the directory back. Any other process may take it at once."""
        self._over.set()
        if self._path is not None and self._is_mine():
            with suppress(OSError):
                self._path.unlink()
        self._path = None

    def _lost(self) -> None:
        raise RankError(
            f"{self.folder} was taken over by another job, which found no sign of life of this one for "
            f"{SILENCE:g} s: it was suspended, or its file system did not answer. This job ends; the other one goes on."
        )

    def _write(self, me: Owner) -> Path | None:
        """A claim with the next number; None if another process was faster."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"claim-{1 + max(map(_number, self._all()), default=0)}.json"
        try:
            with replacing(path, "w", new=True) as file:
                file.write(me.text())
        except FileExistsError:
            return None
        return path

    def _require_no_other(self) -> None:
        """Wait until it is known of every other owner that it is dead. UserError if one lives."""
        for path in self._others():
            if living := self._living(path):
                raise self._refusal(living)

    def _outlast_others(self, number: int) -> None:
        """Wait until every other owner is dead or has withdrawn, the claim held being of that number. UserError if one
        with a lower number lives; or any, for SILENCE: it had the directory before this job's claim was written.
        """
        deadline = time.monotonic() + SILENCE
        for path in self._others():
            while living := self._living(path):
                if _number(path) < number or time.monotonic() > deadline:
                    raise self._refusal(living)
                time.sleep(LOOK)

    def _refusal(self, living: str) -> UserError:
        return UserError(
            f"{self.folder} belongs to a job that is running: {living}. Wait for it, end it, or give another --out."
        )

    def _living(self, path: Path) -> str | None:
        """Who the owner is, in words, if it lives; None if it is dead or has gone."""
        began, first = time.monotonic(), None
        try:
            now = self._server_time()
            while True:
                with path.open() as file:  # opening asks an NFS server anew
                    beat, text = os.fstat(file.fileno()).st_mtime, file.read()
                found = owner.read(text)
                runs = found.runs() if found else None
                if found and (found.is_over() or (runs is False and not found.elastic)):
                    return None
                watched = time.monotonic() - began
                if runs or (first is not None and beat != first):
                    return str(found) if found else f"that of {path.name}"
                sure = found is not None and (runs is False or (bool(found.job) and found.job == owner.job()))
                if max(watched, now + watched - beat) > (SHORT_SILENCE if sure else SILENCE):
                    return None
                if first is None:
                    _say(f"waiting for a sign of life of {found or path}, for up to {SILENCE:g} s")
                first = beat
                time.sleep(LOOK)
        except FileNotFoundError:
            return None

    def _server_time(self) -> float:
        """The clock that the times of files are of."""
        with tempfile.NamedTemporaryFile(prefix=".claim-0.json.", dir=self.folder) as file:
            return os.fstat(file.fileno()).st_mtime

    def _all(self) -> list[Path]:
        """The claims that are there, by number: of several, the first is most likely to stay."""
        return sorted((path for path in self.folder.glob(PATTERN) if _number(path)), key=_number)

    def _others(self) -> list[Path]:
        return [path for path in self._all() if path != self._path]

    def _is_mine(self) -> bool:
        """Is the claim there, as this job wrote it? Yes where it cannot be read just now."""
        assert self._path is not None
        try:
            found = owner.read(self._path.read_text(errors="replace"))
        except OSError as error:
            return not isinstance(error, FileNotFoundError)
        return found is not None and found.token == self.token

    def _show_life(self) -> None:
        self._over = threading.Event()
        threading.Thread(target=self._beat, args=(self._over,), daemon=True).start()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(BEAT):
            with suppress(OSError):
                if (path := self._path) is not None and self._is_mine():
                    os.utime(path)  # by the server's clock


def _number(path: Path) -> int:
    number = path.stem.removeprefix("claim-")
    return int(number) if number.isdecimal() else 0


def _say(text: str) -> None:
    with suppress(OSError):
        print(f"distnn: {text}", file=sys.stderr, flush=True)
