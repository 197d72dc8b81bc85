"""Networks as SimGrid simulates them: a fat tree and a dragonfly, from their parameters. All links go both ways.

To add one: a class with the methods of `Topology`, and an entry in NETWORKS.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Protocol
from xml.sax.saxutils import quoteattr

HEAD = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
"""
PREFIX, SPEED = "host-", 1e9  # of hosts: their name before the number, and flops a second


class Topology(Protocol):
    """hosts: how many there are; attributes: what SimGrid's <cluster> says of it."""

    @property
    def hosts(self) -> int: ...

    @property
    def attributes(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class FatTree:
    """Two levels: `leaves` switches of `ports` hosts each, and `spines` switches, each tied to every leaf once."""

    leaves: int
    ports: int = 16
    spines: int = 8

    @classmethod
    def for_hosts(cls, hosts: int) -> FatTree:
        return cls(max(1, ceil(hosts / cls.ports)))

    @property
    def hosts(self) -> int:
        return self.leaves * self.ports

    @property
    def attributes(self) -> dict[str, str]:
        parameters = f"2;{self.ports},{self.leaves};1,{self.spines};1,1"
        return {"topology": "FAT_TREE", "topo_parameters": parameters}


@dataclass(frozen=True)
class Dragonfly:
    """`groups` of `chassis` of `routers` with `ports` hosts each: all of a group two steps apart, all groups one more.

    Links within a chassis and between the chassis of a group are single, groups are tied by as many as `between`. There
    are no more groups than routers in a chassis: SimGrid goes to a group by the router of its number.
    """

    groups: int
    chassis: int = 4
    routers: int = 8
    ports: int = 4
    between: int = 2

    @classmethod
    def for_hosts(cls, hosts: int) -> Dragonfly:
        of_router = cls.chassis * cls.ports  # hosts, for each router of a chassis
        routers = max(cls.routers, ceil(sqrt(hosts / of_router)))
        return cls(max(2, ceil(hosts / (of_router * routers))), routers=routers)

    @property
    def hosts(self) -> int:
        return self.groups * self.chassis * self.routers * self.ports

    @property
    def attributes(self) -> dict[str, str]:
        parameters = f"{self.groups},{self.between};{self.chassis},1;{self.routers},1;{self.ports}"
        return {"topology": "DRAGONFLY", "topo_parameters": parameters}


NETWORKS: dict[str, type[FatTree] | type[Dragonfly]] = {"fat-tree": FatTree, "dragonfly": Dragonfly}


def platform(topology: Topology, latency: float, bandwidth: float) -> str:
    """SimGrid's description of the network. latency: of a link, seconds; bandwidth: bytes a second. A host a rank."""
    cluster = {"id": "cluster", "prefix": PREFIX, "suffix": "", "radical": f"0-{topology.hosts - 1}"}
    cluster |= {"speed": f"{SPEED:.0f}f", "sharing_policy": "SPLITDUPLEX", **topology.attributes}
    for kind in ("", "loopback_"):
        cluster |= {f"{kind}bw": f"{bandwidth:.0f}Bps", f"{kind}lat": f"{latency!r}s"}
    said = " ".join(f"{name}={quoteattr(value)}" for name, value in cluster.items())
    return f"{HEAD}  <cluster {said}/>\n</platform>\n"


def deployment(ranks: int, program: str) -> str:
    """Which rank is on which host: rank r on host r."""
    said = quoteattr(program)
    instance = f'<prop id="instance_id" value={said}/>'
    actors = "".join(
        f'  <actor host="{PREFIX}{rank}" function={said}>{instance}<prop id="rank" value="{rank}"/></actor>\n'
        for rank in range(ranks)
    )
    return f"{HEAD}{actors}</platform>\n"
