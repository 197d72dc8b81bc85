"""What rank 0 prints of the results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from distnn.bench.prediction import Row
from distnn.bench.series import Point
from distnn.command_line.console import table
from distnn.words import many


def show_machine(machine: dict[str, Any]) -> None:
    """What it was measured on."""
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}")
    print(f"{machine['ranks']} rank{'s' * (machine['ranks'] != 1)}, {machine['mpi']}")
    print(
        f"Python {machine['python']}, numpy {machine['numpy']}, {machine['blas']}, kernel {machine['kernel']}, "
        f"{machine['threads']} BLAS thread{'s' * (machine['threads'] != 1)} a rank; "
        f"hidden layers {_compiled(machine)}\n"
    )


def _compiled(machine: dict[str, Any]) -> str:
    if machine["fused"] == "none":
        return "in numpy"
    return f"in compiled code ({machine['compiler']}, {machine['fused']})"


def show_workload(name: str, found: dict[str, Any]) -> None:
    """Tables of one workload."""
    rows = [
        (
            entry["name"],
            entry["cores"],
            duration(entry["median"]),
            f"{duration(entry['least'])} … {duration(entry['most'])}",
            f"{entry['times_distnn']:.2f}",
            f"{entry['peak_bytes'] / 1e6:,.0f} MB" if entry["peak_bytes"] else "",
        )
        for entry in found["contenders"]
    ]
    title = (
        f"{name}: d = {found['d']}, n = {found['n']:,}, {found['dtype']}; "
        f"{many(found['blocks'], 'block')} of {many(found['block_rows'], 'row')}"
    )
    table(title, ("", "cores", "an iteration", "least … most", "× distnn", "peak memory"), rows)
    for peer, reason in found["left_out"].items():
        print(f"left out: {peer}: {reason}")
    for entry in (entry for entry in found["contenders"] if entry["device"]):
        print(f"{entry['name']}: {found['flops'] / entry['median'] / 1e9:,.0f} Gflop/s")
    for line in fastest(found["contenders"]):
        print(line)
    floor, exact = found["floor"], found["contenders"][0]
    parts = f"{duration(floor['products'])} products, {duration(floor['tanh'])} tanh"
    distance = f"{floor['distance']:.2f} times as long, at best {floor['distance_least']:.2f}"
    speed = found["flops"] / exact["median"] / 1e9
    print(f"floor: {duration(floor['seconds'])} ({parts}); distnn takes {distance}; {speed:.0f} Gflop/s")
    split = found["split"]
    names = ("products", "activation", "reduction", "communication", "python")
    total = sum(split[name] for name in names)
    print("split: " + ", ".join(f"{name} {100 * split[name] / total:.1f} %" for name in names))
    print(
        f"memory: examples {found['shard_bytes'] / 1e6:,.1f} MB, peak {exact['peak_bytes'] / 1e6:,.1f} MB, of a rank\n"
    )


def fastest(contenders: list[dict[str, Any]]) -> Iterator[str]:
    """A sentence for each number of cores, and the device: who takes the least time, distnn, exact, or a peer."""
    entries: dict[tuple[bool, int, str], list[dict[str, Any]]] = defaultdict(list)
    for entry in contenders:
        if entry["name"] != "distnn, plain":
            device = entry["device"]
            where = f"--device {device}" if device else f"{entry['cores']} core{'s' * (entry['cores'] != 1)}"
            entries[bool(device), 0 if device else -entry["cores"], where].append(entry)
    for place in sorted(entries):
        first, *others = sorted(entries[place], key=lambda entry: entry["times_distnn"])
        if not others:
            continue
        if first["name"].startswith("distnn"):
            then = f"{others[0]['name']} takes {others[0]['times_distnn']:.2f} times as long"
        else:
            then = f"it takes {first['times_distnn']:.2f} times as long as distnn"
        yield f"fastest on {place[-1]}: {first['name']}; {then}"


def show_prediction(name: str, rows: list[Row], best: int, alpha: float, beta: float) -> None:
    """The table of --predict."""
    shown = [
        (
            f"{row.ranks:,}",
            duration(row.strong_seconds),
            f"{100 * row.strong_efficiency:.0f} %",
            duration(row.weak_seconds),
            f"{100 * row.weak_efficiency:.0f} %",
        )
        for row in rows
    ]
    header = ("ranks", "an iteration", "efficiency", "n grown with P", "efficiency")
    table(f"{name}, predicted for α = {alpha:.2g} s, β = {beta:.2g} s/byte", header, shown)
    print(f"More than {best:,} ranks do not pay for this table.")


def show_check(here: list[dict[str, Any]]) -> None:
    """The predictions for as many ranks as were measured, beside that."""
    for check in here:
        predicted, measured = duration(check["predicted"]), duration(check["measured"])
        print(f"here, {check['ranks']} rank{'s' * (check['ranks'] != 1)}: {predicted} predicted, {measured} measured")
    print()


def show_series(points: list[Point]) -> None:
    """The table of --series."""
    rows = [
        (
            ", ".join(map(str, point.d)),
            f"{point.weights:,}",
            point.dtype,
            f"{point.n:,}",
            duration(point.seconds),
            f"{1e9 * point.each:.3g} ns",
            f"{point.shard_bytes / 1e6:,.1f} MB",
            f"{point.peak_bytes / 1e6:,.0f} MB",
        )
        for point in points
    ]
    header = ("d", "|W|", "dtype", "n", "an iteration", "a row and weight", "rows of a rank", "peak memory")
    table("Growth with n and with |W|", header, rows)


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    if seconds < 1e-3:
        return f"{1e6 * seconds:.1f} µs"
    return f"{1e3 * seconds:.2f} ms" if seconds < 1 else f"{seconds:.3f} s"
