"""The picture of README.md: one hash on 1, 8 and 64 ranks, as `distnn verify` finds it, and the time of an iteration
beside other packages, as measured for docs/performance.md.

    python docs/face.py        draws docs/face.png; needs matplotlib
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
FILE = DOCS / "face.png"
MEASURED = DOCS / "benchmarks/0.1.0-zen4.json"
RANKS = ("1", "8", "64")
COMMAND = ["distnn", "verify", "--examples", "100000", "--hidden", "8", "--steps", "20", "--simulate", *RANKS]
PEERS = {  # by the name that the bench gave, and cores
    ("PyTorch DDP (gloo)", 2): "PyTorch DDP,\n2 cores",
    ("PyTorch DDP, hand-blocked", 2): "PyTorch DDP, blocks,\n2 cores",
    ("JAX over gloo, hand-blocked", 2): "JAX, in blocks,\n2 cores",
    ("scikit-learn", 1): "scikit-learn,\n1 core",
}
WORKLOADS = ("narrow-f64", "medium-f64", "digits-f32", "wide-f32")


def hashes(said: str) -> list[tuple[str, str]]:
    """Numbers of ranks and the hashes that verify printed for them."""
    return re.findall(r"^ *([\d,]+) ranks, simulated +\S+ +(\w+)", said, re.MULTILINE)


def ratios(measured: Any) -> dict[str, list[float]]:
    """By peer: the time of an iteration over that of distnn on as many cores, for each of WORKLOADS."""
    found: dict[str, list[float]] = {label: [] for label in PEERS.values()}
    for workload in WORKLOADS:
        for entry in measured["workloads"][workload]["contenders"]:
            if label := PEERS.get((entry["name"], entry["cores"])):
                found[label].append(entry["times_distnn"])
    return found


def draw() -> None:
    from matplotlib import pyplot

    said = subprocess.run([sys.executable, "-m", *COMMAND], check=True, capture_output=True, text=True).stdout
    found = hashes(said)
    assert len(found) == len(RANKS)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.2), layout="constrained", width_ratios=(1, 1.5))
    left.axis("off")
    left.set_title("The same bits: hash of weights and state")
    for k, (ranks, hash) in enumerate(found):
        left.text(0.08, 0.75 - 0.22 * k, f"{ranks:>2} rank{'s' * (ranks != '1')}", fontsize=12)
        left.text(0.4, 0.75 - 0.22 * k, hash, fontsize=14, family="monospace", color="C0")
    left.text(0.08, 0.05, f"{' '.join(COMMAND[:6])} …", fontsize=8, family="monospace", color="gray")

    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    for k, times in enumerate(ratios(measured).values()):
        places = [k + 0.2 * (j - 1.5) for j in range(len(times))]
        for place, time, workload, shade in zip(places, times, WORKLOADS, (0.9, 0.7, 0.5, 0.35), strict=True):
            label = workload if k == 0 else None
            bar = right.bar(place, time, 0.18, color=pyplot.get_cmap("Blues")(shade), label=label)
            right.bar_label(bar, fmt="%.1f", fontsize=8)
    right.axhline(1, color="C3", linewidth=1)
    right.text(3.45, 1.07, "distnn, exact", color="C3", fontsize=8)
    right.set_xlim(-0.5, 3.95)
    right.set_xticks(range(len(PEERS)), list(PEERS.values()), fontsize=9)
    where = f"{measured['machine']['cpu']}, {measured['machine']['date'][:10]}"
    right.set_title(f"Time of a full-batch iteration: times that of distnn\n({where})")
    right.legend(fontsize=8)
    right.spines[["top", "right"]].set_visible(False)
    shown = {hash for _, hash in found}  # in the file as text, too, for the test that computes it anew
    figure.savefig(FILE, dpi=80, metadata={"Description": " ".join(sorted(shown))})


if __name__ == "__main__":
    draw()
