"""The files: what somebody else has put there stays; figures in three formats."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reporting import report
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.report.__main__ import main
from distnn.report.files import FORMATS, figure_files, require_own, write_figures
from distnn.report.style import panels
from distnn.report.subject import Drawing


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> str:
    """A model whose page has no figures, which take time."""
    return str(shutil.copy(trained / "hostile/model.safetensors", tmp_path / "model.safetensors"))


def drawing(name: str) -> Drawing:
    figure, [axes] = panels()
    axes.plot([1, 2], [3, 5])
    return Drawing(name, "A line.", figure)


def test_figures_in_three_formats_are_written_again_to_the_same_bytes(style: None, tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        files = figure_files(tmp_path / "figures", [drawing("roc")])
        require_own(files, False)
        write_figures(files)
        assert sorted(files) == sorted((tmp_path / "figures").iterdir())
        contents.append([path.read_bytes() for path in sorted(files)])
    assert contents[0] == contents[1]
    assert [content[:4] for content in contents[0]] == [b"%PDF", b"\x89PNG", b"<?xm"]


def test_characters_that_no_font_has_are_named(style: None, tmp_path: Path) -> None:
    """Those that distnn itself writes are in the font that comes with matplotlib."""
    own = drawing("own")
    own.figure.axes[0].set_xlabel("E_in |G| γ θ R² … × ·")
    assert write_figures(figure_files(tmp_path, [own])) == ""
    own.figure.axes[0].set_ylabel("\ue123 \ue124")
    assert write_figures(figure_files(tmp_path, [own])) == "\ue123\ue124"


def test_figures_of_the_command(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnn.report.figures.FIGURES", ("errors",))
    (tmp_path / "run").mkdir()
    shutil.copy(trained / "words/metrics.jsonl", tmp_path / "run")
    report(tmp_path, "--model", str(tmp_path / "run"), "--figures", str(tmp_path / "figures"))
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {f"errors-by-time.{ending}" for ending in FORMATS} <= names
    assert capsys.readouterr().out == f"{tmp_path}/report.html\n{tmp_path}/figures: {len(names)} files\n"


@pytest.mark.parametrize("name", ["report.html", "roc.pdf", "roc.svg"])
def test_files_of_others_stay(name: str, style: None, tmp_path: Path) -> None:
    files = [tmp_path / "report.html", *figure_files(tmp_path, [drawing("roc")])]
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"{name} is there already, and holds no report of distnn"):
        require_own(files, False)
    require_own(files, True)
    assert (tmp_path / name).read_text() == "mine"


def test_the_command_overwrites_its_own_page_alone(model: str, tmp_path: Path) -> None:
    report(tmp_path, "--model", model)
    report(tmp_path, "--model", model)
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(UserError, match="holds no report of distnn"):
        report(tmp_path, "--model", model)
    assert (tmp_path / "report.html").read_text() == "mine"
    assert report(tmp_path, "--model", model, "--overwrite").startswith("<!DOCTYPE html>")


def test_places_that_cannot_be_written(model: str, style: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/report.html cannot be written: Not a directory"):
        report(tmp_path / "file", "--model", model)
    with pytest.raises(UserError, match=r"--figures .*file/roc\.png cannot be written: Not a directory"):
        write_figures(figure_files(tmp_path / "file", [drawing("roc")]))
    with pytest.raises(UserError, match="is a folder"):
        report(tmp_path, "--model", model, name=".")


def test_one_process_makes_it(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", model, "--out", str(tmp_path / "three.html")]
    assert on_ranks(3, lambda ranks: main(ranks, arguments)) == [0, 0, 0]
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path}/three.html\n" and "the other 2 wait" in captured.err
    assert report(tmp_path, "--model", model) == (tmp_path / "three.html").read_text()
