"""Writing files: their names, and what is refused. Every language is walked through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from exporting import KINDS, model, signs

from distnn import UserError
from distnn.inference.export import EXPORTERS, export, model_name
from distnn.inference.export.formula import fingerprint, formula


@pytest.mark.parametrize("to", EXPORTERS)
def test_every_language_names_the_inputs_and_the_model(to: str, tmp_path: Path) -> None:
    for made in [*map(model, KINDS), signs()]:
        paths = export(made, to, tmp_path / "a-model", units={"x1": "furlongs"}, overwrite=True)
        assert [path.name for path in paths] == [f"a-model{ending}" for ending in EXPORTERS[to].endings]
        content = b"".join(path.read_bytes() for path in paths)
        for word in (*made.preparation.inputs, *formula(made, {}).outputs, "furlongs", fingerprint(made)):
            assert word.encode() in content


@pytest.mark.parametrize("to", EXPORTERS)
def test_the_same_model_gives_the_same_files(to: str) -> None:
    described = formula(model("one-output"), {})
    assert EXPORTERS[to].files(described, "a") == EXPORTERS[to].files(described, "a")


def test_endings_may_be_given_and_several_languages(tmp_path: Path) -> None:
    for to, exporter in EXPORTERS.items():
        for ending in exporter.endings:
            for path in export(model("linear"), [to, to], tmp_path / f"a{ending}", overwrite=True):
                assert path.name.removeprefix("a") in exporter.endings
    every = export(model("linear"), list(EXPORTERS), tmp_path / "b")
    assert len(every) == len(set(every)) == sum(len(exporter.endings) for exporter in EXPORTERS.values())


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    for path in export(model("linear"), list(EXPORTERS), tmp_path / os.fsdecode(b"caf\xe9")):
        assert os.fsencode(path.name).startswith(b"caf\xe9") and path.stat().st_size


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("mine")
    with pytest.raises(UserError, match=r"a\.c is there already: name another file, or lose this one by --overwrite"):
        export(model("linear"), "c", tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.c"]
    export(model("linear"), "c", tmp_path / "a", overwrite=True)
    assert (tmp_path / "a.c").read_text() != "mine"


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--to cobol: choose from c"):
        export(model("linear"), "cobol", tmp_path / "a")
    for name in ('a"b', "a\\b", "a\nb"):
        with pytest.raises(UserError, match="C includes no file of such a name"):
            export(model("linear"), "c", tmp_path / name)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/a\.h cannot be written: Not a directory"):
        export(model("linear"), "c", tmp_path / "file" / "a")


def test_names_of_models(tmp_path: Path) -> None:
    (tmp_path / "lift").mkdir()
    assert model_name(tmp_path / "lift") == "lift"
    assert model_name(tmp_path / "lift/model.safetensors") == "lift"
    assert model_name(tmp_path / "lift/checkpoints/checkpoint-1.safetensors") == "checkpoint-1"
