"""Who can take part in a comparison, and in which version."""

from __future__ import annotations

from importlib.metadata import version

from distnn.bench.contender import Contender, versions


def test_whoever_needs_no_package_or_has_it_can_take_part() -> None:
    assert Contender("distnn").installed
    assert Contender("scikit-learn", "sklearn").installed
    assert not Contender("Missing", "no_such_package").installed


def test_versions_are_those_of_what_is_installed() -> None:
    found = versions(["sklearn", "scipy"])
    assert found == {"sklearn": version("scikit-learn"), "scipy": version("scipy")}
    assert versions(["no_such_package"]) == {}
