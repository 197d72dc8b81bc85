"""Who can take part in a comparison, and in which version."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from distnn.bench import contender
from distnn.bench.contender import Contender, versions


def test_whoever_needs_no_package_or_has_it_can_take_part() -> None:
    assert Contender("distnn").installed
    assert Contender("scikit-learn", "sklearn").installed
    assert not Contender("Missing", "no_such_package").installed


def test_versions_are_those_of_what_is_installed() -> None:
    found = versions(["sklearn", "scipy"])
    assert found == {"sklearn": version("scikit-learn"), "scipy": version("scipy")}
    assert versions(["no_such_package"]) == {}


def test_a_folder_of_a_packages_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a command is started beside one, or where removing a package has left one."""
    (tmp_path / "unheard_of").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(contender.DISTRIBUTIONS, "unheard_of", "unheard-of")
    assert not Contender("Folder", "unheard_of").installed
    assert versions(["unheard_of"]) == {}
