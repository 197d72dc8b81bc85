"""The notes that ranks leave of where they stand, and what these mean; see watchdog.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Note:
    """Where a rank stands. calls: of MPI so far; waiting: is it in one? place: the package's line that it is at."""

    calls: int
    waiting: bool
    place: str


def describe(
    notes: Mapping[int, Note], hosts: Sequence[str], seconds: float, everywhere: bool = True, advice: str = ""
) -> str:
    """Which rank was waited for, where each one was, and what to do; several lines.

    everywhere: are the notes those of all hosts? If not, nothing is known of hosts without any.
    """
    silent, unseen = missing(notes, hosts, everywhere)
    late = silent or [number for number, note in notes.items() if not note.waiting] or unseen
    if late:
        who = f"{named(late, hosts)} {'was' if len(late) == 1 else 'were'} waited for"
    else:  # some in an earlier call than others, if a link was cut between two messages
        who = "all ranks waited for each other, as where a link is down,"
    lines = [f"{who} longer than {seconds:g} s (--watchdog): the job ends.{advice}"]
    places: dict[Note, list[int]] = {}
    for number, note in sorted(notes.items()):
        places.setdefault(note, []).append(number)
    for note, numbers in places.items():
        doing = "waiting" if note.waiting else "computing, reading or writing"
        lines.append(f"  {named(numbers)}: {doing} at {note.place}, call {note.calls} of MPI")
    if silent:
        lines.append(f"  {named(silent)}: left no word: dead, stopped or cut off")
    if unseen:
        lines.append(f"  {named(unseen)}: where they are cannot be seen from here")
    return "\n".join(lines)


def missing(notes: Mapping[int, Note], hosts: Sequence[str], everywhere: bool) -> tuple[list[int], list[int]]:
    """The ranks without a note: those that left none, and those that may have left one where it is not seen."""
    seen = set(hosts) if everywhere else {hosts[number] for number in notes}
    without = [number for number in range(len(hosts)) if number not in notes]
    return [n for n in without if hosts[n] in seen], [n for n in without if hosts[n] not in seen]


def named(numbers: Sequence[int], hosts: Sequence[str] = ()) -> str:
    """Ranks in words: 'ranks 0 to 6, 8', with their hosts, if given, where these are few."""
    starts = [numbers[0], *(b for a, b in pairwise(numbers) if b != a + 1)]
    ends = [*(a for a, b in pairwise(numbers) if b != a + 1), numbers[-1]]
    ranges = [str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]
    of = list(dict.fromkeys(hosts[number] for number in numbers)) if hosts else []
    on = f" (on {', '.join(of[:8])}{' and others' if len(of) > 8 else ''})" if of else ""
    return f"rank{'s' if len(numbers) > 1 else ''} {', '.join(ranges)}{on}"
