"""Which reports there are, and that only rank 0 has them. That a new one takes a file and a line: test_record.py."""

from __future__ import annotations

import pytest

from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.runs.reports import REPORTS, Report, Reports, reports_on


def test_rank_0_has_them_all() -> None:
    made = reports_on(OneRank(), Options(track=("csv",)))
    assert type(made) is Reports
    assert tuple(made._reports) == REPORTS


def test_the_report_of_other_ranks_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    ranks = OneRank()
    ranks.rank = 3
    report = reports_on(ranks, Options())
    assert type(report) is Report
    report.say("a")
    report.warn("b")
    report.close()
    assert capsys.readouterr() == ("", "")
