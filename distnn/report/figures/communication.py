"""The share of the time that ranks spend in communication."""

from __future__ import annotations

from distnn.report.figures import TIME
from distnn.report.style import SERIES, legend, panels
from distnn.report.subject import Drawing, Subject

SECTION = TIME


def draw(subject: Subject) -> list[Drawing]:
    """The least and the most of all ranks, over the course of one training."""
    told = [history for history in subject.histories if len(history.communication)]
    if len(told) != 1:
        return []
    t, least, most = told[0].communication.T
    figure, [axes] = panels()
    axes.fill_between(t, 100 * least, 100 * most, color=SERIES[0], alpha=0.3, linewidth=0)
    axes.plot(t, 100 * most, "o-", color=SERIES[0], markersize=3, linewidth=1, label="the most of all ranks")
    axes.plot(t, 100 * least, "o-", color=SERIES[2], markersize=3, linewidth=1, label="the least")
    axes.set_ylim(0, 100)
    axes.set_xlabel("iteration")
    axes.set_ylabel("% of the time")
    legend(axes)
    caption = (
        "Communication, with waiting for other ranks: its share of the time since the point before, of the rank that "
        "spends the least on it and of the one that spends the most."
    )
    return [Drawing("communication", caption, figure)]
