"""The table at the end of test.sh, and the proof that all tests ran, the parallel ones too.

    python launch/summary.py REPORT [quick] [selected]

REPORT holds a folder for each run of pytest (serial, jobs, ranks-2, …). In it lie rank-<k>.json, which
tests/support/outcomes.py wrote ({test: [outcome, reason]}), and the files exit-code and seconds; beside them a file
lint-failed if linters found something. pytest-mpi skips what it cannot run and ends with exit code 0, so an exit code
proves nothing: here a run without a passed test is a failure, and so is a test that every run left out, or a parallel
test that no number of ranks was enough for. 'quick' says that tests that start jobs were left out on purpose; they are
counted. 'selected' says that the user chose some of the tests, when a run without any is in order. The last line is
'N passed, N failed, N skipped'; the exit code 0 or 1.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

TOO_FEW_RANKS = "Test requires "  # how pytest-mpi begins its reason
NO_TESTS = 5  # pytest's exit code
WORST_FIRST = ("failed", "never ran", "skipped", "passed", "left out")
LEFT_OUT = {  # what the markers of tests mean
    "slow": "that take minutes (python -m pytest -m slow)",
    "batch": "that submit jobs to a batch system",
    "job": "that start other processes",
    "": "for no reason that is known",
}

Outcomes = dict[str, tuple[str, str]]


def over_ranks(folder: Path) -> Outcomes:
    """Each test's worst outcome over the ranks of a run, and its reason."""
    worst: Outcomes = {}
    for path in sorted(folder.glob("rank-*.json")):
        for test, (outcome, reason) in json.loads(path.read_text()).items():
            if test not in worst or WORST_FIRST.index(outcome) < WORST_FIRST.index(worst[test][0]):
                worst[test] = outcome, reason
    return worst


def run_only(outcomes: Outcomes) -> Outcomes:
    """Without the tests that were left out."""
    return {test: found for test, found in outcomes.items() if found[0] != "left out"}


def complaints_about(name: str, folder: Path, every: Outcomes, selected: bool) -> list[str]:
    """What is wrong with one run apart from failed tests, as sentences."""
    outcomes = run_only(every)
    found = []
    exit_code = int((folder / "exit-code").read_text())
    counts = Counter(outcome for outcome, _ in outcomes.values())
    ranks = int(name.removeprefix("ranks-")) if name.startswith("ranks-") else 1
    reports = len(list(folder.glob("rank-*.json")))
    if exit_code in (124, 137):
        found.append(f"{name}: did not end within its time limit")
    elif exit_code != 0 and not counts["failed"] and not (selected and exit_code == NO_TESTS):
        found.append(f"{name}: ended with exit code {exit_code}")
    elif reports != ranks:
        found.append(f"{name}: {reports} of {ranks} ranks reported")
    if not counts["passed"] and not selected and (outcomes or not every):  # others may have taken all tests
        found.append(f"{name}: not one test passed")
    for test, (outcome, reason) in outcomes.items():
        if outcome == "skipped" and not reason:
            found.append(f"{name}: {test} was skipped without a reason")
    return found


def left_out_by_all(runs: dict[str, Outcomes]) -> dict[str, str]:
    """{test: kind} of the tests that no run took on."""
    taken = {test for outcomes in runs.values() for test, (outcome, _) in outcomes.items() if outcome != "left out"}
    every = {test: kind for outcomes in runs.values() for test, (_, kind) in outcomes.items()}
    return {test: kind for test, kind in every.items() if test not in taken}


def main(report: Path, quick: bool, selected: bool) -> int:
    names = [path.parent.name for path in sorted(report.glob("*/exit-code"), key=lambda path: path.stat().st_mtime_ns)]
    runs = {name: over_ranks(report / name) for name in names}
    left_out = {} if selected else left_out_by_all(runs)
    complaints = [text for name in names for text in complaints_about(name, report / name, runs[name], selected)]
    runs = {name: run_only(outcomes) for name, outcomes in runs.items()}
    in_order = ("slow", "batch", "job") if quick else ("slow",)
    complaints += [f"{test}: no run took it on" for test, kind in left_out.items() if kind not in in_order]

    if (report / "lint-failed").exists():
        complaints.append("the linters found something: see above, or launch/lint.sh")

    too_few: set[str] = set()  # tests that some run had too few ranks for
    enough: set[str] = set()  # tests that some run had enough ranks for
    totals: Counter[str] = Counter()
    rows: list[tuple[str, ...]] = [("run", "passed", "failed", "skipped", "too few ranks", "never ran", "seconds")]
    for name, outcomes in runs.items():
        short = {test for test, (_, reason) in outcomes.items() if reason.startswith(TOO_FEW_RANKS)}
        too_few |= short
        enough |= set(outcomes) - short
        counts = Counter(outcome for test, (outcome, _) in outcomes.items() if test not in short)
        totals += counts
        columns = (counts["passed"], counts["failed"], counts["skipped"], len(short), counts["never ran"])
        rows.append((name, *map(str, columns), (report / name / "seconds").read_text().strip()))
    complaints += [f"{test}: no run had enough ranks for it" for test in sorted(too_few - enough)]

    print()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            sep="  ",
        )
    for name, outcomes in runs.items():
        for test, (outcome, reason) in outcomes.items():
            if outcome == "failed" or (outcome == "skipped" and not reason.startswith(TOO_FEW_RANKS)):
                print(f"{outcome} in {name}: {test} {reason and f'({reason})'}")
    for kind, count in Counter(left_out.values()).items():
        print(f"left out: {count} of the tests {LEFT_OUT[kind]}")
    for complaint in complaints:
        print("wrong:", complaint)
    failed = totals["failed"] + len(complaints)
    print(
        f"\n{totals['passed']} passed, {failed} failed"
        + (f", {totals['skipped']} skipped" if totals["skipped"] else "")
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "quick" in sys.argv[2:], "selected" in sys.argv[2:]))
