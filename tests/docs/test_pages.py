"""The pages of docs/: each in its index, and nothing that they name is missing or out of date. Nor is a line too long,
there and in the scripts, which no linter measures."""

from __future__ import annotations

import dataclasses
import html
import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from checkout import CHECKOUT

import distnn
from distnn.network import arithmetic
from distnn.optimizers import State
from distnn.parallel import environment
from distnn.runs import contents
from distnn.training.record import Record

WIDTH = 120
PAGES = [CHECKOUT / "README.md", *sorted(CHECKOUT.glob("docs/**/*.md")), *sorted(CHECKOUT.glob("distnn/**/*.md"))]
SCRIPTS = [path for folder in ("launch", ".ci") for path in sorted((CHECKOUT / folder).iterdir()) if path.is_file()]
FOLDERS = ("distnn", "docs", "launch", "tests", ".ci")


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def links(page: Path) -> list[str]:
    """The targets of a page's links that are files of the project."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    return [target for target in found if not target.startswith(("http:", "https:", "#"))]


@cache
def files() -> list[str]:
    return [name(path) for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("text", [*PAGES, *SCRIPTS], ids=name)
def test_no_line_is_longer_than_a_line_of_code(text: Path) -> None:
    lines = text.read_text(encoding="utf-8").splitlines()
    assert [(number, line) for number, line in enumerate(lines, 1) if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in links(page):
        path, _, heading = target.partition("#")
        linked = page.parent / path
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings], target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_and_what_is_in_them_exist(page: Path) -> None:
    """`folder/file.py` is a file's path or the end of it; `file.py:thing` something that the file defines."""
    existing = files()
    named = re.findall(r"`([\w./-]+\.(?:py|c|h|sh|sbatch))(?::(\w+))?`", page.read_text(encoding="utf-8"))
    for path, thing in named:
        found = [file for file in existing if f"/{file}".endswith(f"/{path}")]
        assert found, f"there is no {path}"
        defined = rf"^ *(?:def|class) {thing}\b|^{thing}\b.*=|\b{thing}\("
        assert not thing or any(re.search(defined, (CHECKOUT / file).read_text(), re.MULTILINE) for file in found), (
            f"{path} has no {thing}"
        )


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_every_page_is_in_its_index(folder: str) -> None:
    index = CHECKOUT / folder / "README.md"  # index.md is the site's first page, README.md of the checkout
    assert {path.name for path in index.parent.glob("*.md")} - {"README.md", "index.md"} <= set(links(index))


def test_the_badges_are_true() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    for badge, said in (("python", project["requires-python"]), ("licence", project["license"])):
        assert f"docs/badges/{badge}.svg" in (CHECKOUT / "README.md").read_text(encoding="utf-8")
        assert f">{html.escape(said)}</text>" in (CHECKOUT / f"docs/badges/{badge}.svg").read_text()


def test_the_version_to_be_cited_is_this_one() -> None:
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (distnn.__version__, "MIT")


def test_the_readme_leads_to_the_index_and_to_contributors() -> None:
    assert {"docs/README.md", "docs/contributing.md"} <= set(links(CHECKOUT / "README.md"))


@pytest.fixture(scope="module")
def layers() -> ModuleType:
    """docs/layers.py."""
    specification = importlib.util.spec_from_file_location("layers", CHECKOUT / "docs/layers.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_picture_of_the_layers_is_that_of_the_imports(layers: ModuleType) -> None:
    assert layers.PAGE.read_text(encoding="utf-8") == layers.page(), "draw it anew: python docs/layers.py"


def test_every_folder_has_a_paragraph(layers: ModuleType) -> None:
    page = layers.PAGE.read_text(encoding="utf-8")
    missing = [
        folder for layer in layers.layers() for folder in layer if not re.search(rf"^\* \*\*.*`{folder}\b", page, re.M)
    ]
    assert missing == []


def test_every_file_and_key_of_a_run_is_on_their_page() -> None:
    page = (CHECKOUT / "docs/files.md").read_text(encoding="utf-8")
    states = [State, *State.__subclasses__()]
    expected = {f"`progress.state.{field.name}`" for state in states for field in dataclasses.fields(state)}
    expected |= {f"`{name}`" for name in (*Record.__slots__, *environment.record(), *arithmetic.hashes())}
    expected |= {f"`{name}" for name in (*contents.FILES, *contents.FOLDERS) if name != contents.MEMBER}  # as it begins
    expected |= {f"`{kind}-" for kind in ("fold", "member", "restart", "trial")}
    assert {name for name in expected if name not in page} == set()


def test_pre_commit_runs_what_is_there() -> None:
    """One list of linters: the hook is that of launch/lint.sh, whose list launch/test.sh uses."""
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"].split()[0] for hook in hooks} == {"launch/lint.sh", "launch/test.sh"}
    assert all(hook["language"] == "system" for hook in hooks)
