"""The descriptions that SimGrid is given: well-formed, with enough hosts, a rank on each."""

from __future__ import annotations

from math import prod
from xml.etree import ElementTree

import pytest

from distnn.bench.scaling.networks import NETWORKS, Dragonfly, FatTree, deployment, platform


@pytest.mark.parametrize("kind", NETWORKS.values(), ids=list(NETWORKS))
@pytest.mark.parametrize("hosts", [1, 2, 16, 17, 1000, 1025, 4096, 10_000])
def test_there_is_a_host_for_each_rank(kind: type[FatTree] | type[Dragonfly], hosts: int) -> None:
    topology = kind.for_hosts(hosts)
    assert topology.hosts >= hosts
    (cluster,) = ElementTree.fromstring(platform(topology, 5e-7, 12.5e9))
    assert cluster.get("radical") == f"0-{topology.hosts - 1}"
    assert (cluster.get("lat"), cluster.get("bw")) == ("5e-07s", "12500000000Bps")
    numbers = [part.split(",") for part in str(cluster.get("topo_parameters")).split(";")]
    if kind is FatTree:
        assert numbers[0] == ["2"] and prod(map(int, numbers[1])) == topology.hosts
    else:
        assert prod(int(part[0]) for part in numbers) == topology.hosts
        groups, _, routers, _ = (int(part[0]) for part in numbers)
        assert groups <= routers, "beyond, SimGrid finds no way between two groups, and crashes"


def test_ranks_are_on_hosts_of_their_numbers() -> None:
    actors = list(ElementTree.fromstring(deployment(3, 'a "program"')))
    assert [actor.get("host") for actor in actors] == ["host-0", "host-1", "host-2"]
    assert {actor.get("function") for actor in actors} == {'a "program"'}
    said = [{prop.get("id"): prop.get("value") for prop in actor} for actor in actors]
    assert said == [{"instance_id": 'a "program"', "rank": str(rank)} for rank in range(3)]
