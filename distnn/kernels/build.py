"""How distnn is built (`cmdclass` in pyproject.toml): its compiled code is a library that library.py loads, no module
of Python, so that one wheel serves all Pythons. Only setuptools imports this, from the file alone.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


class Library(build_ext):
    def get_ext_filename(self, fullname: str) -> str:
        """The library's file: one name for all Pythons."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))


class Wheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        """Any Python 3, any ABI of Python, this platform."""
        return "py3", "none", super().get_tag()[2]
