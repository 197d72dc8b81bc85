"""The C code of the kernels as a tree: the source, as the preprocessor leaves it for a CPU of which nothing is known.

For proofs: symbolic.py.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pycparser import c_ast, c_parser

from distnn.kernels import library

CSRC = Path(library.__file__).parent / "csrc"
HEADERS = ("immintrin.h", "math.h", "stddef.h", "stdint.h", "stdlib.h", "string.h")
UNUSED = ("fused.h", "tile.h", "tiled.h", "algebra.h", "factors.h")  # of csrc, by what is proved
TYPES = "typedef long ptrdiff_t, size_t; typedef int int32_t, int64_t, uint32_t, uint64_t;"  # mere names here
SAME_SIZE = {"int64_t": "double", "uint64_t": "double", "int32_t": "float", "uint32_t": "float"}


def preprocessed(file: str, changes: Mapping[str, str] = {}) -> str:
    """The text of a file of csrc. changes: of its own text or that of others; what is not there is an error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        texts = {source.name: source.read_text() for source in CSRC.glob("*.[ch]")}
        for old, new in changes.items():
            assert any(old in text for text in texts.values()), f"csrc has no {old!r} to be changed"
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for name, text in (texts | dict.fromkeys((*HEADERS, *UNUSED), "")).items():
            (path / name).write_text(text)
        command = ["cc", "-E", "-P", "-nostdinc", f"-I{path}", "-U__x86_64__", "-U__FMA__", "-U__ARM_FEATURE_FMA"]
        done = subprocess.run([*command, str(path / file)], capture_output=True, text=True, check=True)
    return done.stdout


def without_attributes(text: str) -> str:
    """The text without what only gcc's dialect has."""
    text = re.sub(r"^ *#pragma.*$|\b(?:restrict|inline)\b", "", text, flags=re.MULTILINE)
    while (start := text.find("__attribute__")) >= 0:
        end, depth = text.index("(", start), 0
        while depth or text[end] == "(":
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + text[end:]
    return text


class Code:
    """Functions of a file of csrc. constants: of its text, which are others in smaller formats."""

    def __init__(self, file: str, changes: Mapping[str, str] = {}, constants: Mapping[str, str] = {}):
        text = preprocessed(file, changes)
        self.vectors = set(re.findall(r"typedef \w+ (\w+) __attribute__\(\(vector_size", text))
        tree = c_parser.CParser().parse(TYPES + without_attributes(text))
        self.base = {node.name: node.type.type.names[-1] for node in tree.ext if self._names_a_number(node)}
        self.functions = {node.decl.name: node for node in tree.ext if isinstance(node, c_ast.FuncDef)}
        self.constants = constants

    @staticmethod
    def _names_a_number(node: Any) -> bool:
        return (
            isinstance(node, c_ast.Typedef)
            and isinstance(node.type, c_ast.TypeDecl)
            and isinstance(node.type.type, c_ast.IdentifierType)
            and node.name not in SAME_SIZE
        )
