"""One workload: everybody takes turns at it, then the floor and the split are measured. Results as plain values."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from distnn.bench.floor import floor
from distnn.bench.machine import peak_bytes, reset_peak
from distnn.bench.options import BenchOptions
from distnn.bench.own import Own
from distnn.bench.peers import PEERS, Peer, Processes
from distnn.bench.prediction import Iteration, message_bytes
from distnn.bench.rest import on_root_alone
from distnn.bench.split import Split, split
from distnn.bench.timing import Entry, Stepper, ratio, take_turns
from distnn.bench.workloads import WORKLOADS, Workload
from distnn.data.shard import Examples
from distnn.kernels import cpu
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks


def measure(name: str, options: BenchOptions, ranks: Ranks) -> dict[str, Any]:
    """Measure the workload of this name. Collective; the results replicated."""
    workload = (WORKLOADS[name].shortened() if options.quick else WORKLOADS[name]).on(ranks.size)
    if options.rows is not None:
        workload = replace(workload, n=options.rows)
    turns, visit, each = (2, 0.02, 0.002) if options.quick else (options.turns, 0.25, 0.05)
    reset_peak()
    examples = workload.examples(ranks)
    entries = _own(workload, examples, ranks, options.device)
    left_out: dict[str, str] = {}
    if options.peers:
        usable = sorted({core for of_rank in ranks.gather(cpu.cores()) for core in of_rank})
        for peer in PEERS:
            entry = _peer(peer, workload, usable, ranks, options.device)
            if isinstance(entry, Entry):
                entries.append(entry)
            elif entry:
                left_out[peer.name] = entry
    take_turns(entries, turns, ranks, visit)
    for entry in entries:
        if isinstance(entry.stepper, Processes):
            entry.peak_bytes = entry.stepper.peak_bytes
        if entry.stepper is not None:
            entry.stepper.close()
    parts = split(workload, examples, ranks, max(2, min(2000, 4 * entries[0].iterations)))
    products, tanh = np.mean(ranks.gather(floor(workload, each)), axis=0).tolist()
    results = _results(workload, examples.cut, entries, parts, (products, tanh), ranks.size)
    return {**ranks.broadcast(results), "left_out": left_out, "shard_bytes": max(ranks.gather(examples.bytes))}


def _own(workload: Workload, examples: Examples, ranks: Ranks, device: str | None) -> list[Entry]:
    """distnn: exact and plain on all ranks; with more than one, also exact on rank 0 with all rows; on the device.

    Beside a GPU the CPU's exact sum alone, for comparison: iterations there take long.

    Collective.
    """
    entries = []
    for reduction in ("exact",) if device == "gpu" else ("exact", "plain"):
        own = Own(workload, examples, ranks, reduction)
        own.seconds(1)
        entries.append(Entry(f"distnn, {reduction}", ranks.size, True, own, peak_bytes=max(ranks.gather(peak_bytes()))))
    if device:
        os.environ.setdefault("NPROC", "1")  # as many threads has XLA on the CPU, as its peers there
        there = workload.examples(ranks, device) if device == "gpu" else examples
        own = Own(workload, there, ranks, device=device)
        own.seconds(1)
        peak = max(ranks.gather(peak_bytes()))
        entries.append(Entry(f"distnn, {device}", ranks.size, True, own, peak_bytes=peak, device=device))
    if ranks.size > 1 and device != "gpu":

        def alone() -> None:
            one = OneRank()
            entries.append(Entry("distnn, exact", 1, False, Own(workload, workload.examples(one), one)))

        on_root_alone(ranks, alone)
        if ranks.rank:
            entries.append(Entry("distnn, exact", 1, False, None))
    return entries


def _peer(peer: Peer, workload: Workload, usable: list[int], ranks: Ranks, device: str | None) -> Entry | str:
    """The peer, ready to compute, or why it is left out, as Peer says it.

    Collective; replicated but for the stepper, on rank 0.
    """
    stepper: Stepper | None = None

    def start() -> str | None:
        nonlocal stepper
        if (why := peer.left_out(ranks.size, device)) is not None:
            return why
        try:
            stepper = Processes(peer, workload, ranks.size, usable, device)
        except RuntimeError as error:
            return f"it failed: {error}"
        return None

    wrong: str | None = on_root_alone(ranks, start)
    if wrong is not None:
        return wrong
    there = device if peer.beside or device == "gpu" else None
    return Entry(peer.name, ranks.size if peer.parallel else 1, False, stepper, device=there)


def _results(
    workload: Workload, cut: Cut, entries: list[Entry], parts: Split, floors: tuple[float, float], size: int
) -> dict[str, Any]:
    exact = entries[0]
    rows = workload.n / size
    contenders = [
        {
            "name": entry.name,
            "cores": entry.cores,
            "device": entry.device,
            "median": entry.median,
            "least": min(entry.seconds),
            "most": max(entry.seconds),
            "seconds": entry.seconds,
            "peak_bytes": entry.peak_bytes,
            "times_distnn": ratio(entry, _comparable(entry, entries)),
        }
        for entry in entries
    ]
    least = rows * sum(floors)
    iteration = Iteration(
        cut.count,
        max(0.0, exact.median - parts.communication - parts.outside) / cut.count * size,
        parts.outside,
        message_bytes(workload.d),
    )
    return {
        "d": list(workload.d),
        "n": workload.n,
        "dtype": workload.dtype,
        "block_rows": cut.rows,
        "blocks": cut.count,
        "flops": workload.flops * workload.n,
        "contenders": contenders,
        "floor": {
            "seconds": least,
            "products": rows * floors[0],
            "tanh": rows * floors[1],
            "distance": exact.median / least,
            "distance_least": min(exact.seconds) / least,
        },
        "split": asdict(parts),
        "iteration": asdict(iteration),
    }


def _comparable(entry: Entry, entries: list[Entry]) -> Entry:
    """distnn's on the same device; on the CPU the exact entry on as many cores."""
    if entry.device:
        return next(own for own in entries if own.device == entry.device)
    return next((own for own in entries if own.name == "distnn, exact" and own.cores == entry.cores), entries[0])
