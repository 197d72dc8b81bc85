"""The page: one HTML file that needs no network and no script, and is well-formed XML as well."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from distnn.report import tables
from distnn.report.figures import INPUTS, LEARNING, PREDICTIONS, TIME
from distnn.report.files import MARK
from distnn.report.markup import Markup, tag, text
from distnn.report.style import inline, shown
from distnn.report.style_sheet import STYLE_SHEET
from distnn.report.subject import Drawing, Subject


def page(subject: Subject, drawings: Mapping[str, list[Drawing]]) -> str:
    """The report. drawings: by section. Local."""
    body = [tag("h1", text(subject.title))]
    if subject.lacking:
        body.append(tag("ul", *(tag("li", text(sentence)) for sentence in subject.lacking), class_="lacking"))
    body += tables.summary(subject)
    told = {
        LEARNING: tables.comparison(subject.histories),
        PREDICTIONS: [*tables.compared(subject), *tables.by_class(subject), *tables.worst_rows(subject)],
        INPUTS: [],
        TIME: [],
    }
    for section, own in drawings.items():
        body += _section(section, [*_figures(own), *told[section]])
    body += _section("Configuration", tables.configuration(subject))
    body += _section("How to repeat it", tables.commands(subject))
    body.append(tag("footer", text(f"Made by distnn {version('distnn')}, distnn report.")))
    head = tag(
        "head",
        Markup('<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'),
        Markup(f'<meta name="generator" content="{MARK}"/>'),
        Markup('<meta name="color-scheme" content="light dark"/><link rel="icon" href="data:,"/>'),
        tag("title", text(f"{shown(subject.title)} - distnn")),
        tag("style", Markup(STYLE_SHEET)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def _section(title: str, content: list[Markup]) -> list[Markup]:
    return [tag("section", tag("h2", text(title)), *content)] if content else []


def _figures(drawings: list[Drawing]) -> list[Markup]:
    """Figures beside each other, as far as the screen is wide enough."""
    found = [
        tag("figure", Markup(inline(drawing.figure, drawing.name)), tag("figcaption", text(drawing.caption)))
        for drawing in drawings
    ]
    return [tag("div", *found, class_="figures")] if found else []
