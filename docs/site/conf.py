"""The documentation site, made by Sphinx of the pages in docs/: `launch/docs.sh` builds it.

Pages are the Markdown files that are read on a repository's site too. What is added here: README.md as the first page,
the navigation out of the tables of docs/README.md, tables of options, docstrings, and gallery pages out of scripts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import docstrings
import navigation
import options
import percent

import distnn

project = "distnn"
release = version = distnn.__version__
copyright = "the distnn developers"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["site"]
include_patterns = ["**.md", "gallery/*.py"]
root_doc = "index"
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a level of headings that is left out is no fault of a page that is read alone

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True

smartquotes = False  # -- is an option, not a dash

html_theme = "furo"
html_title = f"distnn {version}"
html_copy_source = False
html_show_sourcelink = False
html_static_path: list[str] = []


def setup(app: Any) -> None:
    app.add_source_suffix(".py", "percent")
    app.add_source_parser(percent.Parser)
    app.connect("source-read", read)
    app.connect("build-finished", percent.notebooks)
    app.connect("autodoc-process-docstring", docstrings.to_rst)


def read(app: Any, page: str, text: list[str]) -> None:
    """A page as it stands in the checkout, made into one of the site."""
    if page == root_doc:
        text[0] += navigation.tree(Path(app.srcdir))
    elif page.endswith("/README"):
        text[0] += navigation.below(text[0])
    text[0] = text[0].replace(f"{'../' * page.count('/')}../README.md", f"{'../' * page.count('/')}index.md")
    text[0] = options.filled_in(text[0])
