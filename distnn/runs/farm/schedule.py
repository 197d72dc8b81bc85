"""Who trains which member next: groups ask for another one when they have come to the end of one; rank 0 decides.

The first ones are dealt out unasked, before rank 0 begins with its own. The first rank of a group speaks for it. Rank 0
trains as well, and answers between its own iterations: so a group asks before it writes its files, and the answer is
there when they are. All of this is said point to point, so that no group waits for another one; and which group trains
a member has no influence on it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from distnn.accelerator.devices import take
from distnn.errors import FAILED
from distnn.parallel.ranks import Ranks
from distnn.training.interruption import PRUNED, TIME_LIMIT

LOOK_SECONDS = 1e-3  # between looks for what was posted, while this rank trains: as long as who asks may wait
SLEEP_SECONDS = 1e-3  # and while it waits
BEAT_SECONDS = 5.0  # between signs of life
# what is said
ASKS, TRAIN, DONE, LEAVES = "asks", "train", "done", "leaves"
ALIVE, STOP, REPORTS, PRUNE = "alive", "stop", "reports", "prune"

Prunes = Callable[[int, int, float], bool]


def _never(number: int, t: int, value: float) -> bool:
    return False


class Schedule:
    """What a group's first rank knows of the schedule. Local; each of them has one. This is that of all but rank 0.

    ranks: of the farm. patience: seconds that may pass without a word of whom is waited for; 0: any.
    """

    def __init__(self, ranks: Ranks, patience: float):
        self.ranks, self.patience = ranks, patience
        self.stopped = 0  # what stops the farm, as `Ranks.stop_request` has it
        self._asked = True  # for a member; the first one comes unasked
        self._answers: list[Any] = []  # that were heard, whenever that was, and not taken yet
        self._looked = self._beat = time.monotonic()
        self._reported: int | None = None  # the member that is being trained, once it has reported
        self._pruned: int | None = None  # the one that is to be broken off

    def next(self, done: tuple[int, Any] | None) -> Any:
        """The member to train now; None: no more. done: the last one's number, and what it came to."""
        self._reported = None
        if done is not None:
            self.ranks.post((DONE, done), 0)
        task = self._answer()
        while self.stopped and task is not None:  # it was dealt before; it is not begun
            task = self._answer()
        if task is None:
            self.ranks.post((LEAVES, None), 0)
        return task

    def ask(self) -> None:
        """For the next member, so that `next` need not wait for it."""
        if not self._asked:
            self._asked = True
            self.ranks.post((ASKS, None), 0)

    def _answer(self) -> Any:
        """The answer, also where all stop: MPI does not end well with a message that nobody took."""
        self.ask()
        asked = time.monotonic()
        self._listen()
        while not self._answers:
            _wait(self.ranks, [0], asked, self.patience)
            self._listen()
        self._asked = False
        return self._answers.pop()

    def look(self) -> int:
        """Between iterations: what asks this training to stop, 0 for nothing."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            self._hear(now)
        pruned = self._reported is not None and self._reported == self._pruned
        return self.stopped or (PRUNED if pruned else 0)

    def report(self, number: int, t: int, value: float) -> None:
        """The value of the member that is being trained, at iteration t: it may be broken off by that."""
        self._reported = number
        self.ranks.post((REPORTS, (number, t, value)), 0)

    def stop(self, request: int) -> None:
        """This group was told to stop: so shall all others be."""
        self.stopped = self.stopped or request
        self.ranks.post((STOP, request), 0)

    def _hear(self, now: float) -> None:
        self._listen()
        if now - self._beat > BEAT_SECONDS:
            self._beat = now
            self.ranks.post((ALIVE, None), 0)

    def _listen(self) -> None:
        for _, (word, value) in self.ranks.posted():
            if word == TRAIN:
                self._answers.append(value)
            elif word == STOP:
                self.stopped = value
            elif word == PRUNE:
                self._pruned = value


class Root(Schedule):
    """The schedule of rank 0, which all ask. tasks: what is handed out, each when somebody asks; others: the other
    groups' first ranks.

    finished(number, what it came to) is called when that is known, and prunes(number, t, value) says whether a member
    is broken off by its report. ends: when all are to stop, as `time.monotonic` has it.
    """

    def __init__(
        self,
        ranks: Ranks,
        patience: float,
        tasks: Iterable[Any],
        others: Iterable[int],
        finished: Callable[[int, Any], None],
        ends: float = math.inf,
        prunes: Prunes = _never,
    ):
        super().__init__(ranks, patience)
        self.ends = ends
        self._tasks, self._finished, self._prunes = iter(tasks), finished, prunes
        now = time.monotonic()
        self._heard_of = dict.fromkeys(others, now)  # when, those that have not left
        self._dealing = set(self._heard_of)  # those that have not been told that there is no more
        self._dealt = False  # has every group had its first member?

    def next(self, done: tuple[int, Any] | None) -> Any:
        self._reported = None
        self.ask()
        if done is not None:
            self._finished(*done)
        task = self._task()
        if not self._dealt:
            self._dealt = True
            for rank in self._heard_of:
                self._give(rank)
        return task

    def ask(self) -> None:
        """Answer those who ask: this rank asks itself, when it is free."""
        self._hear(time.monotonic())

    def report(self, number: int, t: int, value: float) -> None:
        self._reported = number
        if self._prunes(number, t, value):
            self._pruned = number

    def stop(self, request: int) -> None:
        if not self.stopped:
            self.stopped = request
            for rank in self._dealing:
                self.ranks.post((STOP, request), rank)

    def wait(self) -> None:
        """Until no other group trains any more."""
        while self._heard_of:
            self._hear(time.monotonic())
            late = min(self._heard_of, key=self._heard_of.__getitem__, default=None)
            if late is not None:
                _wait(self.ranks, [late], self._heard_of[late], self.patience)

    def _give(self, rank: int) -> None:
        """Post the next member to another group, or None, which is the last word to it."""
        task = self._task()
        self.ranks.post((TRAIN, task), rank)
        if task is None:
            self._dealing.remove(rank)

    def _task(self) -> Any:
        return None if self.stopped else next(self._tasks, None)

    def _hear(self, now: float) -> None:
        if now > self.ends:
            self.stop(TIME_LIMIT)
        for rank, (word, value) in self.ranks.posted():
            self._heard_of[rank] = now
            if word == STOP:
                self.stop(value)
            elif word == REPORTS:
                if self._prunes(*value):
                    self.ranks.post((PRUNE, value[0]), rank)
            elif word == ASKS:
                self._give(rank)
            elif word == DONE:
                self._finished(*value)
            elif word == LEAVES:
                del self._heard_of[rank]


def in_groups(
    ranks: Ranks,
    groups: int,
    patience: float,
    tasks: Iterable[Any],
    finished: Callable[[int, Any], None],
    ends: float = math.inf,
    prunes: Prunes = _never,
    device: str = "cpu",
) -> tuple[Ranks, Schedule | None]:
    """This rank's group, of so many, and the schedule on its first rank. Collective over all ranks.

    tasks, finished, ends, prunes: as `Root` has them, on rank 0. device: of --device; groups share none.
    """
    taken = None if device == "cpu" else take(device, ranks)
    number_of = [rank * groups // ranks.size for rank in range(ranks.size)]
    group = ranks.split(number_of[ranks.rank])
    group.device = taken
    if ranks.rank == 0:
        others = [number_of.index(number) for number in range(1, groups)]
        return group, Root(ranks, patience, tasks, others, finished, ends, prunes)
    return group, Schedule(ranks, patience) if group.rank == 0 else None


def _wait(ranks: Ranks, whom: list[int], since: float, patience: float) -> None:
    """Sleep a little; end the job where there was no word for too long."""
    time.sleep(SLEEP_SECONDS)
    if patience and time.monotonic() - since > patience:
        print(
            f"distnn: rank {whom[0]} gave no sign of life for {patience:g} s (--watchdog): the job ends. Go on with "
            "--resume.",
            file=sys.stderr,
            flush=True,
        )
        ranks.abort(FAILED)
