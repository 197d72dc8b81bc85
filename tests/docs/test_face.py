"""The picture of README.md: the hash that it shows is that of today's code."""

from __future__ import annotations

import importlib.util

import pytest
from checkout import CHECKOUT

from distnn.kernels import library
from distnn.parallel.ranks import OneRank
from distnn.verify import main


def test_the_hash_in_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    specification = importlib.util.spec_from_file_location("face", CHECKOUT / "docs/face.py")
    assert specification and specification.loader
    face = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(face)
    if library.loaded() is None:
        pytest.skip("there is no compiled code here, and numpy's hash is another one")
    command = [*face.COMMAND[2 : -len(face.RANKS)], "1"]
    assert main(OneRank(), command) == 0
    ((ranks, found),) = face.hashes(capsys.readouterr().out)
    assert ranks == "1" and ranks in face.RANKS
    assert found.encode() in face.FILE.read_bytes(), "draw it anew: python docs/face.py"
