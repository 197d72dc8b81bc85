"""What makes the site of the pages: docs/site/. That Sphinx makes it without a warning, launch/docs.sh sees to."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Annotated, Literal

import pytest
from checkout import CHECKOUT

from distnn.__main__ import COMMANDS
from distnn.declared import Positional, declared
from distnn.predict import PredictOptions
from distnn.runs.options import Options, flag

DOCS = CHECKOUT / "docs"
sys.path.insert(0, str(DOCS / "site"))  # as Sphinx has it, whose conf.py imports them by these names
docstrings, navigation, options = map(importlib.import_module, ("docstrings", "navigation", "options"))


@dataclasses.dataclass
class Some:
    """Options of every kind."""

    rows: Annotated[int, "Data", "How many, a|b.", Positional()] = 3
    name: Annotated[str | None, "Data", "Whose."] = None
    kind: Annotated[Literal["a", "b"] | None, "More", "Which."] = None
    hidden: Annotated[tuple[int, ...], "More", "Widths."] = (2, 3)
    scale: Annotated[bool, "More", "Scale."] = True
    quiet: Annotated[bool, "More", "Say nothing."] = False
    header: Annotated[bool | None, "More", "There is one."] = None


HEAD = "| option | takes | |\n| --- | --- | --- |\n"
TABLES = f"""\
**Data**

{HEAD}\
| `--rows`, or without the flag | a whole number | How many, a\\|b. Default: `3`. |
| `--name` | text | Whose. |

**More**

{HEAD}\
| `--kind` | `a`, `b` | Which. |
| `--hidden` | a whole number, several | Widths. Default: `2 3`. |
| `--no-scale` |  | Scale. Default: `True`. |
| `--quiet` |  | Say nothing. |
| `--header` `--no-header` |  | There is one. |"""


def test_tables_of_options() -> None:
    assert options.tables(declared(Some)) == TABLES


def test_every_command_and_option_is_on_their_page() -> None:
    page = options.filled_in((DOCS / "reference/options.md").read_text(encoding="utf-8"))
    assert [command for command in COMMANDS if f"\n## {command.capitalize()}\n\n`distnn {command}`: " not in page] == []
    for field in (*dataclasses.fields(Options), *dataclasses.fields(PredictOptions)):
        shown = flag(field.name if field.default is not True else f"no_{field.name}")
        assert f"| `{shown}`" in page, field.name


def test_a_command_that_takes_the_options_of_a_training_lists_its_own_only() -> None:
    section = options.section("verify", "proves it")
    assert "| `--simulate` | a whole number, several |" in section
    assert "`--hidden`" not in section


def test_sections_of_the_index() -> None:
    index = "# T\n\n## A\n\n| | |\n| --- | --- |\n| [X](x.md) | [not](y.md) |\n\n## Words\n\n[no](z.md)\n\n## B\n"
    index += "\n| [U](v/u.md) | |\n"
    assert navigation.sections(index) == [("A", [("X", "x.md")]), ("B", [("U", "v/u.md")])]


def test_the_navigation_has_all_that_the_index_lists() -> None:
    tree = navigation.tree(DOCS)
    assert ":caption: Explanation\n" in tree
    assert "\nExactness <exactness.md>\n" in tree
    assert "../" not in tree, "README.md is the first page itself"


def test_pages_below_an_index_come_once_and_in_its_order() -> None:
    below = navigation.below("[b](b.md) ![picture](b.png) [a](a.py) [b](b.md) [other](../c.md)")
    assert [line for line in below.splitlines() if "." in line] == ["b.md", "a.py"]


def test_docstrings_mean_what_they_say() -> None:
    lines = ["The norm |w|*2 of `w_` and of ``a", "b``."]
    docstrings.to_rst(None, "function", "f", None, None, lines)
    assert lines == ["The norm \\|w\\|\\*2 of ``w_`` and of ``a b``."]


@pytest.mark.job  # jupytext asks whether there is pandoc
def test_a_script_is_a_page() -> None:
    percent = pytest.importorskip("percent", reason="needs jupytext, of the extra docs")
    page = percent.markdown("# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\nprint(x)\n")
    assert page == "# Title\n\nText.\n\n```python\nx = 1\nprint(x)\n```"
