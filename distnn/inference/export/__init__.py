"""A trained model for other programs. To add a language: a file with a function from a formula to files, and its line
in EXPORTERS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from distnn.errors import UserError
from distnn.inference.ensemble import Ensemble
from distnn.inference.export import c, fortran, jax_function, json_text, onnx_graph, pytorch
from distnn.inference.export.formula import Formula, formula
from distnn.inference.model import Model
from distnn.storage.overwriting import make_way, write


class Exporter(NamedTuple):
    """A language. Local.

    files(formula, name): the contents of the files, by their `endings`: what follows `name` in the files' names.
    holds: what it is, for --help.
    """

    files: Callable[[Formula, str], dict[str, bytes]]
    endings: tuple[str, ...]
    holds: str


EXPORTERS = {
    "c": Exporter(c.files, (".h", ".c"), "C99, a header and a source file, with derivatives"),
    "fortran": Exporter(fortran.files, (".f90",), "Fortran 2008, a module, with derivatives"),
    "jax": Exporter(jax_function.files, ("_jax.py", "_jax.npz"), "JAX, a pure function and its parameters"),
    "json": Exporter(json_text.files, (".json",), "text, with a documented schema"),
    "onnx": Exporter(onnx_graph.files, (".onnx",), "ONNX, with named inputs and outputs"),
    "torch": Exporter(pytorch.files, ("_torch.py", "_torch.safetensors"), "PyTorch, a Sequential and its state_dict"),
}


def model_name(path: str | Path) -> str:
    """The name of a model that is stored at `path`: that of its run's directory, or of its file without the ending."""
    path = Path(path).resolve()
    return path.name if path.is_dir() else path.parent.name if path.name == "model.safetensors" else path.stem


def export(
    model: Model,
    to: str | Sequence[str],
    out: str | Path,
    units: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a model for other programs, in files whose names begin with `out`. Local. Returns their paths.

    to: one or more of EXPORTERS. out: an ending that such a file has anyway may stand at its end. units: of inputs and
    targets, by name. UserError, before anything is written, for what a language cannot express, an unknown name, and
    files that are there already unless `overwrite`; and where they cannot be written.
    """
    languages = [to] if isinstance(to, str) else list(dict.fromkeys(to))
    for language in languages:
        if language not in EXPORTERS:
            raise UserError(f"--to {language}: choose from {', '.join(EXPORTERS)}.")
    if isinstance(model, Ensemble):
        raise UserError("An ensemble is several models, and an export has one: export a member, such as member-000.")
    described = formula(model, units or {})
    out, contents = Path(out), {}
    for language in languages:
        files, endings, _ = EXPORTERS[language]
        name = next((out.name.removesuffix(ending) for ending in endings if out.name.endswith(ending)), out.name)
        for ending, content in files(described, name).items():
            contents[out.with_name(f"{name}{ending}")] = content
    make_way(contents, overwrite)
    for path, content in contents.items():
        write(path, content, "--out")
    return list(contents)
